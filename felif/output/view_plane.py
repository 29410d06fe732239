"""Shows this folder in ParaView (`paraview --script=view.py`): p(v, w) with the time slider, N(w) and C(w), Nbar(t)."""

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
halves = layout.SplitHorizontal(0, 0.55)
with_lines = os.path.exists(os.path.join(here, "lines.pvd"))
quarters = layout.SplitVertical(halves + 1, 0.5) if with_lines else halves


def chart(source, x, names, title, bottom, left, cell):
    view = pv.CreateView("XYChartView")
    curves = pv.Show(source, view)
    curves.UseIndexForXAxis, curves.XArrayName, curves.SeriesVisibility = 0, x, names
    view.ChartTitle, view.BottomAxisTitle, view.LeftAxisTitle = title, bottom, left
    pv.AssignViewToLayout(view, layout, cell)
    return view


if with_lines:
    lines = pv.PVDReader(FileName=os.path.join(here, "lines.pvd"))
    lines.UpdatePipeline()
    names = [name for name in lines.PointData.keys() if name != "w"]
    chart(pv.PlotData(Input=lines), "w", names, "t = {time}", "w", ", ".join(names), quarters)

series = pv.CSVReader(FileName=[os.path.join(here, "series.csv")])
table = servermanager.Fetch(series)
columns = [table.GetColumn(i).GetName() for i in range(table.GetNumberOfColumns())]
rates = [name for name in columns if name.startswith("N")]
chart(series, "t", rates, "", "t", ", ".join(rates), quarters + 1)

fields = pv.PVDReader(FileName=os.path.join(here, "fields.pvd"))
fields.UpdatePipeline()
ends = fields.GetDataInformation().GetBounds()  # the axes are point data, too
axes = [
    next(name for name in reversed(fields.PointData.keys()) if fields.PointData[name].GetRange() == ends[k : k + 2])
    for k in (0, 2)
]
name = next(name for name in fields.PointData.keys() if name not in axes)
surface = pv.WarpByScalar(Input=fields, Scalars=["POINTS", name])
surface.UpdatePipeline()
v0, v1, w0, w1, _, _ = fields.GetDataInformation().GetBounds()
top = max(fields.PointData[name].GetRange()[1], 1e-12)
scale = [1.0 / (v1 - v0), 1.0 / (w1 - w0), 0.4 / top]
view = pv.CreateView("RenderView")
shown = pv.Show(surface, view)
pv.ColorBy(shown, ("POINTS", name))
shown.Scale = view.AxesGrid.DataScale = scale
grid = view.AxesGrid
grid.Visibility, view.OrientationAxesVisibility, view.UseColorPaletteForBackground = 1, 0, 0
view.Background = [1.0, 1.0, 1.0]
for letter, title in zip("XYZ", (*axes, name), strict=True):
    setattr(grid, letter + "Title", title)
    for text, size in (("Title", 18), ("Label", 14)):
        setattr(grid, letter + text + "FontSize", size)
        setattr(grid, letter + text + "Color", [0.0, 0.0, 0.0])
grid.GridColor = [0.3, 0.3, 0.3]
pv.AssignViewToLayout(view, layout, halves)
view.CameraPosition, view.CameraFocalPoint, view.CameraViewUp = [-1.0, -1.6, 1.4], [0.5, 0.5, 0.0], [0, 0, 1]
pv.ResetCamera(view)

pv.GetAnimationScene().UpdateAnimationUsingDataTimeSteps()
pv.RenderAllViews()
for picture in [name for name in sys.argv[1:] if name.endswith(".png")]:
    pv.SaveScreenshot(picture, layout, ImageResolution=[1600, 1000])
