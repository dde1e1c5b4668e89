"""Pure geometry on grids and the ellipsoid: no file is opened here."""
