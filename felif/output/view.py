"""Shows this folder in ParaView (`paraview --script=view.py`): n(v) with the time slider, N(t), the surface n(v, t).

Another axis than v, such as an age, is in the place of v. Over two axes the surface is p(v, w) with the time slider,
beside N(w) and C(w) where they were written.
"""

import os
import sys

from paraview import servermanager
from paraview import simple as pv

WRITTEN_TO = ""  # filled in when this script is put beside its data
# pvpython says where its script is; paraview --script does not: there, the current folder comes first
places = [os.path.dirname(os.path.abspath(__file__))] if "__file__" in globals() else [os.getcwd(), WRITTEN_TO]
here = next((place for place in places if os.path.exists(os.path.join(place, "fields.pvd"))), None)
if here is None:
    raise FileNotFoundError(f"There is no fields.pvd in {' or '.join(places)}: go to the run's folder first.")

layout = pv.CreateLayout("felif")
halves = layout.SplitHorizontal(0, 0.5)


def chart(source, x, names, title, cell):
    view = pv.CreateView("XYChartView")
    curves = pv.Show(source, view)
    curves.UseIndexForXAxis, curves.XArrayName, curves.SeriesVisibility = 0, x, names
    view.ChartTitle, view.BottomAxisTitle, view.LeftAxisTitle = title, x, ", ".join(names)
    pv.AssignViewToLayout(view, layout, cell)
    return view


def collection(name):
    read = pv.PVDReader(FileName=os.path.join(here, name))
    read.UpdatePipeline()
    return read


fields = collection("fields.pvd")
bounds = fields.GetDataInformation().GetBounds()  # an axis is point data, too, the one that runs along the points
ends = [bounds[k : k + 2] for k in (0, 2) if bounds[k] < bounds[k + 1]]
arrays = [(name, fields.PointData[name].GetRange()) for name in reversed(fields.PointData.keys())]
axes = [next(name for name, values in arrays if values == end) for end in ends]
first = next(name for name in fields.PointData.keys() if name not in axes)
plane, with_lines = len(axes) == 2, os.path.exists(os.path.join(here, "lines.pvd"))
quarters = halves
if with_lines or not plane:
    lines, x = (collection("lines.pvd"), "w") if plane else (fields, axes[0])
    quarters = layout.SplitVertical(halves, 0.5)
    chart(pv.PlotData(Input=lines), x, [name for name in lines.PointData.keys() if name != x], "t = {time}", quarters)

series = pv.CSVReader(FileName=[os.path.join(here, "series.csv")])
table = servermanager.Fetch(series)
columns = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
rates = {column.GetName(): column for column in columns if column.GetName()[0] in "NR"}  # N, R; N_E, N_I
others = {c.GetName(): c for c in columns if c.GetName() not in ("t", "dt", "mass", "min_n")}
rates = rates or others  # equations without N
rate = chart(series, "t", list(rates), "", quarters + 1)
# data that do not vanish at V_F start with a rate like 1/sqrt(t): scale the axis by what follows
t = table.GetColumnByName("t")
late = [i for i in range(t.GetNumberOfTuples()) if t.GetValue(i) >= 0.02 * t.GetValue(t.GetNumberOfTuples() - 1)]
values = sorted(c.GetValue(i) for c in rates.values() for i in late if 0.0 < c.GetValue(i) < 1e300)
if values:
    blow_up = values[-1] > 300.0 * values[len(values) // 2]
    rate.LeftAxisLogScale, rate.LeftAxisUseCustomRange = int(blow_up), 1
    rate.LeftAxisRangeMinimum, rate.LeftAxisRangeMaximum = (0.5 * values[0] if blow_up else 0.0), 1.1 * values[-1]

spacetime = os.path.join(here, "spacetime.vtr")
if plane or os.path.exists(spacetime):
    grid = fields if plane else pv.XMLRectilinearGridReader(FileName=[spacetime])
    surface = pv.WarpByScalar(Input=grid, Scalars=["POINTS", first])
    surface.UpdatePipeline()
    x0, x1, y0, y1, n0, n1 = surface.GetDataInformation().GetBounds()
    scale = [1.0 / (x1 - x0), 1.0 / max(y1 - y0, 1e-12), 0.4 / max(n1 - n0, 1e-12)]
    view = pv.CreateView("RenderView")
    shown = pv.Show(surface, view)
    pv.ColorBy(shown, ("POINTS", first))
    shown.Scale = view.AxesGrid.DataScale = scale
    grid = view.AxesGrid
    grid.Visibility, view.OrientationAxesVisibility, view.UseColorPaletteForBackground = 1, 0, 0
    view.Background = [1.0, 1.0, 1.0]
    for letter, title in zip("XYZ", (*(*axes, "t")[:2], first), strict=True):
        setattr(grid, letter + "Title", title)
        for text, size in (("Title", 18), ("Label", 14)):
            setattr(grid, letter + text + "FontSize", size)
            setattr(grid, letter + text + "Color", [0.0, 0.0, 0.0])
    grid.GridColor = [0.3, 0.3, 0.3]
    pv.AssignViewToLayout(view, layout, halves + 1)
    view.CameraPosition = [-1.0 if plane else 1.3, -1.4, 1.2]
    view.CameraFocalPoint, view.CameraViewUp = [0.5, 0.5, 0.0], [0, 0, 1]
    pv.ResetCamera(view)
    view.CameraPosition = [1.4 * p - 0.4 * f for p, f in zip(view.CameraPosition, view.CameraFocalPoint, strict=True)]

pv.GetAnimationScene().UpdateAnimationUsingDataTimeSteps()
pv.RenderAllViews()
for picture in [name for name in sys.argv[1:] if name.endswith(".png")]:
    pv.SaveScreenshot(picture, layout, ImageResolution=[1600, 1000])
