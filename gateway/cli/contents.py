"""The table of contents: each command by chapter, where it is written, and its sentence on the first page.

A command's module is loaded when the command runs or shows its own page, never for the contents. The sentences are the
first of each command's own text; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.domain.words import french


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: ``module:name`` below ``gateway.cli``, and what it does."""

    where: str
    summary: str


CHAPTERS: Mapping[str, Mapping[str, Entry]] = MappingProxyType(
    {
        french("Installer et faire tourner"): {
            "init": Entry(
                "setup:init", french("Installer : configuration, clés, base de données, et la suite à faire.")
            ),
            "keys": Entry("keys:app", french("Les clés : la nôtre et celles des partenaires.")),
            "doctor": Entry(
                "doctor:doctor", french("Examiner l'installation et les serveurs, avec un message d'essai.")
            ),
            "run": Entry(
                "commands:run", french("Faire tourner la passerelle : relever, envoyer, surveiller les délais.")
            ),
            "web": Entry(
                "commands:web",
                french("Servir la console seule ; « gateway run » la sert aussi quand la section [web] est là."),
            ),
            "users": Entry("users:app", french("Les comptes de la console.")),
            "tokens": Entry("tokens:app", french("Les programmes qui peuvent utiliser l'API.")),
            "status": Entry("status:status", french("Dire si tout va bien.")),
            "alarms": Entry(
                "alarms:alarms_app",
                french("Les alarmes : celles qui durent, qui les prend, ce que chacune veut dire."),
            ),
            "db": Entry("db:app", french("La base de données : la porter sur un serveur.")),
            "backup": Entry(
                "backup:backup", french("Sauvegarder base et coffre en un fichier scellé, service en marche.")
            ),
            "restore": Entry(
                "backup:restore",
                french("Remettre une sauvegarde en place, service arrêté, là où il n'y a plus de base."),
            ),
            "demo": Entry(
                "demo:demo",
                french("Voir la passerelle à l'œuvre : trois établissements, deux histoires, moins d'une minute."),
            ),
            "rehearse": Entry(
                "demo:rehearse",
                french(
                    "S'exercer : un dossier, et un partenaire qui se tait, tarde, double, oublie ou écrit en clair."
                ),
            ),
        },
        french("Au quotidien"): {
            "todo": Entry(
                "todo:todo",
                french("Dire ce qui reste à faire, le plus urgent d'abord, avec la commande qui le fait."),
            ),
            "fiche": Entry("acts:fiche", french("Écrire une fiche à remplir, pour tout type d'échange.")),
            "submit": Entry(
                "commands:submit",
                french("Envoyer un courrier : demande (SE 352-302), réponse, devis, attestation, compte rendu."),
            ),
            "answer": Entry("commands:answer", french("Répondre à une demande (CNAS).")),
            "confirm": Entry(
                "commands:confirm", french("Confirmer en votre nom ce que la passerelle ne peut pas affirmer seule.")
            ),
            "settle": Entry(
                "rulings:settle",
                french("Départager une réponse venue près de la fin du délai : à temps, ou tardive."),
            ),
        },
        french("Dossiers"): {
            "cases": Entry("read:cases", french("Lister les dossiers, leurs demandes et la fin de leur délai.")),
            "case": Entry("read:case_app", french("Un dossier : demandes, délai jour par jour, preuves, courriers.")),
            "note": Entry(
                "acts:note",
                french("Noter un fait au dossier, ou ce qui est venu ou parti par une autre voie sécurisée."),
            ),
            "correct": Entry(
                "acts:correct", french("Corriger un fait noté : l'ancien reste au dossier, le nouveau le remplace.")
            ),
            "coverage": Entry("acts:coverage", french("Dire qui paie un jour de séjour, et pourquoi.")),
            "close": Entry("acts:close", french("Clore un dossier dont le séjour est fini.")),
            "forget": Entry(
                "forget:forget",
                french(
                    "Oublier un dossier clos depuis assez longtemps : rien de son contenu ne se rouvre plus, les "
                    "preuves restent."
                ),
            ),
        },
        french("Délai et calendrier"): {
            "clock": Entry("clock:app", french("Le délai de quatre jours ouvrables, expliqué.")),
            "calendar": Entry("almanac:app", french("Le calendrier algérien : quels jours comptent, et qui le dit.")),
        },
        french("Courrier"): {
            "message": Entry("read:message_app", french("Les messages échangés : lister, lire, enregistrer.")),
            "triage": Entry("triage:app", french("Les courriers qu'une personne doit trier.")),
            "inspect": Entry(
                "inspect:inspect", french("Dire ce que deviendraient des courriers, sans toucher à rien.")
            ),
        },
        french("Preuve"): {
            "proof": Entry(
                "proof:app",
                french(
                    "Les preuves de réception : d'un dossier, sans courrier qui y réponde, ou apportées par une "
                    "personne."
                ),
            ),
            "audit": Entry(
                "audit:app", french("Le journal d'audit : chercher, vérifier, effacer après le temps de conservation.")
            ),
            "certificate": Entry(
                "certificate:certificate", french("Certifier une acceptation réputée acquise, en PDF (PDF/A-3).")
            ),
            "dossier": Entry(
                "dossier:app", french("Un dossier dans un fichier qui se prouve lui-même : exporter, vérifier.")
            ),
            "challenge": Entry(
                "rulings:app",
                french("Les acceptations réputées acquises mises en cause : les maintenir ou les retirer."),
            ),
        },
    }
)
"""In the order in which they are read."""

ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {name: entry for chapter in CHAPTERS.values() for name, entry in chapter.items()}
)
"""Every command of the program by its name."""
