"""From geometry to tagged meshes.

Every mesh of a line has the facets "reset", "firing" and one for every other point of the model, and, above V_F, cells
"above"; a rectangle over v and w has "reset", "firing", "floor", "w_min" and "w_max".
"""

from .interval import Line, interval, is_line, line, stretched, tagged
from .mesh_files import read_mesh
from .strip import strip, triangles

__all__ = ["Line", "interval", "is_line", "line", "read_mesh", "stretched", "strip", "tagged", "triangles"]
