"""The two stories, scene by scene: a silence that becomes an acceptance, and an answer that comes one minute before."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from gettext import gettext as _

from gateway import exhibits
from gateway.demo import papers
from gateway.demo.screen import day, moment
from gateway.demo.stage import DemonstrationFailed, Stage
from gateway.domain.kinds import EXTENSION_REFUSAL
from gateway.domain.request import State
from gateway.services.desk import Submitted
from gateway.services.fiche import Fiche

START = datetime(2026, 10, 29, 8, 30, tzinfo=UTC)
"""A Thursday: Friday and Saturday are the Algerian weekend, and Sunday the first of November is a holiday."""

SECOND_START = datetime(2026, 11, 5, 14, 0, tzinfo=UTC)

CERTIFICATES = {"fr": "certificat.pdf", "en": "certificate.pdf"}
DOSSIER = "dossier.zip"
"""What stays in the folder of a kept demonstration."""

ALL = ("hospital", "cnas", "cnse")
MINUTE = timedelta(minutes=1)

_SHOWN_HEADERS = 22
_SHOWN_SEALED = 4


async def silence(stage: Stage) -> None:
    """Story 1.

    Raises:
        DemonstrationFailed, GatewayError.
    """
    stage.screen.title(_("Première histoire : la CNAS se tait"))
    done = await _submit(stage, papers.BENKHELIFA)
    _wire(stage, papers.BENKHELIFA)
    await stage.breathe()
    await _period_starts(stage, done)
    await _nothing_comes(stage, done)
    await _silence_recorded(stage, done)
    await _proof_leaves(stage, done)
    await _the_others_know(stage)


async def answer(stage: Stage) -> None:
    """Story 2.

    Raises:
        DemonstrationFailed, GatewayError.
    """
    screen = stage.screen
    screen.title(_("Seconde histoire : la CNAS répond une minute avant la fin"))
    stage.clock.advance(max(SECOND_START - stage.clock.now(), timedelta()))
    done = await _submit(stage, papers.HADDAD)
    await stage.reach(ALL, done, State.RUNNING)
    await stage.command("hospital", "clock", "explain", done.case.ref)
    period = await stage.period(done)
    screen.scene(_("Le temps passe, jusqu'à une minute de la fin"))
    await stage.travel(period.tacit_at - MINUTE, period)
    screen.scene(_("La CNAS refuse, au dernier moment"))
    screen.say(_("Il est {now}.").format(now=moment(stage.clock.now())))
    screen.real_life(_("à la CNAS, « gateway answer {ref} --refuse --motive … ».").format(ref=done.case.ref))
    refusal = Fiche(path="", kind=EXTENSION_REFUSAL, ref=done.case.ref, values={"motive": papers.MOTIVE})
    await stage.actors["cnas"].core.desk.submit(refusal, actor="demo")
    await stage.reach(ALL, done, State.REFUSED)
    mail = await stage.latest_mail("hospital")
    if mail.received_latest is None or mail.received_latest >= period.tacit_at:
        raise DemonstrationFailed(_("La machine est trop lente : la réponse est arrivée après la fin du délai."))
    left = period.tacit_at - mail.received_latest
    screen.say(
        _(
            "Reçue par le serveur de l'hôpital {seconds} secondes avant la fin : elle est à temps. "
            "Le délai s'arrête, le CNSE en a la copie. C'est l'heure du serveur de l'hôpital qui compte, pas celle où "
            "quelqu'un ouvre le courrier."
        ).format(seconds=round(left.total_seconds()))
    )
    await stage.breathe()
    screen.scene(_("Après la fin du délai, rien ne s'enregistre"))
    await stage.travel(period.tacit_at + timedelta(hours=12) + MINUTE, period)
    await stage.looked_again()
    held = await stage.request(stage.actors["hospital"], done)
    if held is None or held.state is not State.REFUSED or await stage.acceptance(done) is not None:
        raise DemonstrationFailed(_("Un silence a été enregistré malgré la réponse."))
    await stage.command("hospital", "cases")
    screen.done(_("Une réponse est arrivée : aucun silence n'est enregistré pour cette demande."))
    await _audits(stage)


async def _submit(stage: Stage, patient: papers.Patient) -> Submitted:
    screen, hospital = stage.screen, stage.actors["hospital"]
    fiche = papers.request(patient, stage.clock.now().date())
    folder = stage.folder / "pieces" / patient.name.lower()
    folder.mkdir(parents=True)
    for piece in fiche.attachments:
        (folder / piece.name).write_bytes(piece.data)
    screen.scene(_("L'hôpital demande à prolonger les soins"))
    now = moment(stage.clock.now())
    screen.say(_("Il est {now}. Le séjour autorisé finit dans 30 jours, les soins doivent durer.").format(now=now))
    size = _("{name} ({size} octets)")
    pieces = ", ".join(size.format(name=piece.name, size=len(piece.data)) for piece in fiche.attachments)
    filled = _("La secrétaire remplit une fiche (SE 352-302, partie A) et joint quatre PDF : {pieces}.")
    screen.say(filled.format(pieces=pieces))
    screen.real_life(
        _("« gateway fiche EXTENSION_REQUEST -o fiche.toml », remplie, puis « gateway submit fiche.toml »")
    )
    done = await hospital.core.desk.submit(fiche, actor="demo")
    opened = _("Dossier {ref}. Empreinte de la demande : {hash}")
    screen.say(opened.format(ref=done.case.ref, hash=done.request.hash))
    await stage.reach(("cnas",), done, State.RUNNING)
    return done


def _wire(stage: Stage, patient: papers.Patient) -> None:
    """The request as it lies in the mailbox of the CNAS."""
    screen = stage.screen
    raw = stage.server.delivered[stage.actors["cnas"].profile.address][0]
    head, body = raw.decode("ascii").split("\r\n\r\n", 1)
    sealed = body[body.index("-----BEGIN PGP MESSAGE-----") :].splitlines()
    screen.scene(_("Ce qui circule : un courrier scellé"))
    screen.say(_("Voici ce que voient les serveurs de messagerie, et quiconque ouvrirait la boîte de la CNAS :"))
    screen.quote("\n".join([*head.splitlines()[:_SHOWN_HEADERS], "", "[…]", *sealed[:_SHOWN_SEALED], "[…]"]))
    private = (patient.name, patient.first_name, patient.care, patient.reason)
    if any(word.encode(code) in raw for word in private for code in ("utf-8", "latin-1")):
        raise DemonstrationFailed(_("Un mot du dossier se lit dans le courrier."))
    subject = message_from_bytes(raw, policy=default)["Subject"]
    screen.say(
        _(
            "Objet : « {subject} ». Signé par l'hôpital, chiffré pour la CNAS seule ({size} octets) ; le CNSE a le "
            "sien. Un simple programme de messagerie avec PGP/MIME l'ouvre aussi."
        ).format(subject=subject, size=len(raw))
    )
    screen.done(_("Ni le nom du patient, ni les soins, ni le motif ne s'y lisent."))


def _receipt(stage: Stage) -> str:
    """The first signed receipt of the CNAS (RFC 8098), as it lies in the hospital's mailbox, without its signature."""
    for raw in stage.server.delivered[stage.actors["hospital"].profile.address]:
        mail = message_from_bytes(raw, policy=default)
        if mail["From"] != stage.actors["cnas"].profile.address:
            continue
        for part in mail.walk():
            if part.get_content_type() == "message/disposition-notification":
                told = "\n".join(str(block).strip() for block in part.get_payload())
                return f"Content-Type: {mail.get_content_type()}\nSubject: {mail['Subject']}\n[…]\n{told}"
    raise DemonstrationFailed(_("La CNAS n'a pas accusé réception."))


async def _period_starts(stage: Stage, done: Submitted) -> None:
    screen = stage.screen
    await stage.reach(ALL, done, State.RUNNING)
    screen.scene(_("L'accusé de réception signé fait partir le délai"))
    screen.say(
        _(
            "La passerelle de la CNAS a ouvert et vérifié le courrier, puis renvoyé un accusé de réception signé qui "
            "dit l'instant de la réception, sans un mot du contenu :"
        )
    )
    screen.quote(_receipt(stage))
    screen.say(
        _("Received-Content-MIC est l'empreinte de la demande, écrite autrement : c'est bien elle qui a été ouverte.")
    )
    screen.say(_("Sans accusé, aucun délai. La CNAS a maintenant quatre jours ouvrables algériens pour répondre :"))
    await stage.command("hospital", "clock", "explain", done.case.ref)
    period = await stage.period(done)
    first = day(period.reception_day)
    screen.say(_("Le jour de réception, {day}, compte : c'est un jour ouvrable.").format(day=first))
    await stage.breathe()


async def _nothing_comes(stage: Stage, done: Submitted) -> None:
    screen = stage.screen
    period = await stage.period(done)
    screen.scene(_("Le temps passe, la CNAS ne répond pas"))
    await stage.travel(period.tacit_at + MINUTE, period)
    await stage.reach(("hospital",), done, State.ELAPSED)
    now = moment(stage.clock.now())
    screen.say(_("Il est {now}. Le délai est écoulé, mais rien n'est encore enregistré :").format(now=now))
    await stage.command("hospital", "cases")
    screen.say(
        _(
            "La passerelle attend encore 12 heures : une réponse arrivée à temps peut être en retard dans un serveur. "
            "Elle relève chaque dossier de la boîte, et demande l'heure à une seconde horloge, celle du serveur de "
            "messagerie."
        )
    )
    if await stage.acceptance(done) is not None:
        raise DemonstrationFailed(_("Le silence a été enregistré trop tôt."))
    await stage.breathe()


async def _silence_recorded(stage: Stage, done: Submitted) -> None:
    screen = stage.screen
    period = await stage.period(done)
    screen.scene(_("Le silence vaut acceptation"))
    await stage.travel(period.tacit_at + timedelta(hours=12) + MINUTE, period)
    await stage.reach(ALL, done, State.TACITLY_ACCEPTED)
    await stage.command("hospital", "case", "show", done.case.ref)
    recorded = await stage.acceptance(done)
    if recorded is None or recorded.effective_at != period.tacit_at:
        raise DemonstrationFailed(_("L'acceptation ne prend pas effet à la fin du délai."))
    last = day(period.counted_days[-1])
    acquired = _("Acceptation réputée acquise, enregistrée une seule fois, avec effet à la fin du {day}.")
    screen.done(acquired.format(day=last))
    await stage.breathe()


async def _proof_leaves(stage: Stage, done: Submitted) -> None:
    """What the hospital hands to the CPAM, and to whoever doubts it."""
    screen, ref, base = stage.screen, done.case.ref, stage.actors["hospital"].core.base
    screen.scene(_("La preuve sort de l'hôpital"))
    screen.real_life(_("« gateway certificate {ref} -o certificat.pdf », à la CPAM.").format(ref=ref))
    certifier = exhibits.certifier(base, playing=True)
    for language, name in CERTIFICATES.items():
        issued = await certifier.issue(ref, actor="demo", language=language)
        (stage.folder / name).write_bytes(issued.pdf)
    screen.say(
        _(
            "Le certificat (PDF/A-3, en français et en anglais) dit la demande, la preuve de réception, les jours un à "
            "un, les relevés de la boîte. Les mêmes faits y sont joints, signés : un tiers les vérifie avec openssl."
        )
    )
    screen.real_life(_("« gateway dossier export {ref} -o dossier.zip », à qui doute.").format(ref=ref))
    dossier = stage.folder / DOSSIER
    dossier.write_bytes(await exhibits.exporter(base, playing=True).export(ref, actor="demo"))
    screen.say(_("Le dossier se vérifie où rien de la passerelle n'est, par qui ne fait confiance à personne :"))
    await stage.examined("dossier", "verify", str(dossier))
    await stage.breathe()


async def _the_others_know(stage: Stage) -> None:
    screen = stage.screen
    screen.scene(_("Ce que voit le CNSE"))
    screen.say(
        _(
            "Le pôle médical du CNSE est en copie de tout, sans que personne y pense. L'hôpital lui a annoncé le début "
            "du délai, puis son issue ; la CNAS a reçu la même notification :"
        )
    )
    await stage.command("cnse", "cases")
    await _audits(stage)


async def _audits(stage: Stage) -> None:
    screen = stage.screen
    screen.scene(_("Les trois journaux sont intacts"))
    screen.say(_("Chaque acte est une ligne d'un journal enchaîné, sans contenu médical ; changer une ligne se voit :"))
    stage.audits.clear()
    for role in ALL:
        verified = await stage.command(role, "audit", "verify")
        stage.audits.append(_("{name} : {text}").format(name=stage.actors[role].profile.name, text=verified))
    await stage.breathe()
