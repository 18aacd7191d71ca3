"""The console and the REST API: what services know, shown to people and programs. No rule of the domain is here."""
