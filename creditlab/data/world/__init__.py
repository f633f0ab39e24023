"""The sample county: seeded, with a known truth. It writes `data/sample`; nobody in it is real."""

from creditlab.data.world.county import World, make_county
from creditlab.data.world.write import write_county

__all__ = ["World", "make_county", "write_county"]
