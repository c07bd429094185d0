"""A page and a REST service that find faces and read emotions (needs ``fer-toolkit[web]``).

``fer-toolkit serve`` runs them; :func:`create_app` gives them as a Flask application, for others to serve or mount.
"""

from fer_toolkit.web.app import create_app
from fer_toolkit.web.server import create_server
from fer_toolkit.web.settings import Settings

__all__ = ["Settings", "create_app", "create_server"]
