"""Pages without the frame: before anybody is signed in, or when something is wrong; nothing of the house is needed."""

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from gateway.web.frame import environment, language_for
from gateway.web.hall import Hall
from gateway.web.visit import language_of


def alone(request: Request, name: str, *, status: int = 200, **shown: object) -> Response:
    """Show it."""
    hall: Hall = request.app.state.hall
    text = (
        environment(language_for(name, language_of(request)))
        .get_template(name)
        .render(hall=hall, here=request.url.path, **shown)
    )
    return HTMLResponse(text, status_code=status)
