"""Pages of no known generator: all syntax is read that cannot be anything else."""

from stages.ingest.dialects.flavours import mkdocs
from stages.ingest.dialects.page import Flavour

FLAVOUR = Flavour("plain", (), before=mkdocs.FLAVOUR.before, after=mkdocs.FLAVOUR.after)
