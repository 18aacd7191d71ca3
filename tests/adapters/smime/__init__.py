"""S/MIME: forged and honest mails, and whoever makes them."""
