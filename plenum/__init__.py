"""What every tier of Plenum shares: settings, errors, identity, the event registry, media vocabulary and wire framing."""

__version__ = "0.1.0"
