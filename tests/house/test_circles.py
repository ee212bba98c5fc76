"""No modules import each other in a circle, not even for types: one could not be read without the other."""

import graphlib

import grimp


def test_modules_import_each_other_in_one_direction() -> None:
    graph = grimp.build_graph("config", "streaming", "attribution", "foundation", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    list(graphlib.TopologicalSorter(imports).static_order())  # raises CycleError, which names a circle
