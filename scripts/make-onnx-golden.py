"""Writes packages/core/test/golden/onnx-codec.json: ONNX models made by the onnx Python package.

Run with a Python that has onnx 1.17, from the root: /usr/bin/python3 scripts/make-onnx-golden.py
"""
import base64
import json

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


def model(nodes, inputs, outputs, initializers=(), functions=(), **graph_options):
    graph = h.make_graph(nodes, "g", inputs, outputs, initializers, **graph_options)
    opsets = [h.make_opsetid("", 18)] + [h.make_opsetid(f.domain, 1) for f in functions]
    made = h.make_model(graph, opset_imports=opsets, producer_name="maker", ir_version=8, functions=functions)
    h.set_model_props(made, {"task": "test"})
    onnx.checker.check_model(made)
    return made


def value(name, dtype=T.FLOAT, shape=(2,)):
    return h.make_tensor_value_info(name, dtype, shape)


x, y = value("x", shape=("batch", None, 2)), value("y", shape=("batch", None, 2))


def everything():
    """Both storage forms of every element type, every kind of attribute, a subgraph, a symbolic shape."""
    values = {
        "float32": (T.FLOAT, np.float32, [1.5, -2.25]),
        "float64": (T.DOUBLE, np.float64, [0.1, -1e300]),
        "int64": (T.INT64, np.int64, [-1, 2**63 - 1]),
        "int32": (T.INT32, np.int32, [-7, 2**31 - 1]),
        "uint32": (T.UINT32, np.uint32, [0, 2**32 - 1]),
        "uint8": (T.UINT8, np.uint8, [0, 255]),
        "bool": (T.BOOL, np.bool_, [True, False]),
        "float16": (T.FLOAT16, np.float16, [1.0, -2.0]),
        "int16": (T.INT16, np.int16, [-(2**15), 2**15 - 1]),
        "int8": (T.INT8, np.int8, [-128, 127]),
        "uint64": (T.UINT64, np.uint64, [0, 2**64 - 1]),
        "uint16": (T.UINT16, np.uint16, [0, 2**16 - 1]),
    }
    initializers = []
    for name, (code, numpy_type, numbers) in values.items():
        initializers.append(h.make_tensor(f"{name}-fields", code, [2], numbers))
        initializers.append(numpy_helper.from_array(np.array(numbers, numpy_type), f"{name}-raw"))
    # NumPy has no types for these: raw bytes are written by hand. 1 and -2 are 0x3f80 and 0xc000 in bfloat16.
    packed = {
        "bfloat16": (T.BFLOAT16, [1.0, -2.0], b"\x80\x3f\x00\xc0"),
        "int4": (T.INT4, [-8, 7, -1], b"\x78\x0f"),
        "uint4": (T.UINT4, [0, 15, 9], b"\xf0\x09"),
    }
    for name, (code, numbers, raw) in packed.items():
        initializers.append(h.make_tensor(f"{name}-fields", code, [len(numbers)], numbers))
        initializers.append(h.make_tensor(f"{name}-raw", code, [len(numbers)], raw, raw=True))
    initializers.append(h.make_tensor("scalar", T.FLOAT, [], [3.0]))
    initializers.append(h.make_tensor("empty", T.INT64, [0], []))

    def branch(op):
        return h.make_graph([h.make_node(op, ["x"], ["z"])], op, [], [h.make_empty_tensor_value_info("z")])

    nodes = [
        h.make_node("If", ["flag"], ["a"], name="choice", then_branch=branch("Neg"), else_branch=branch("Abs")),
        h.make_node("Clip", ["a", "", "scalar"], ["b"]),
        h.make_node("Transpose", ["b"], ["c"], perm=[0, 1, 2]),
        h.make_node("LeakyRelu", ["c"], ["d"], alpha=0.5),
        h.make_node("Constant", [], ["one"], value=h.make_tensor("", T.FLOAT, [1], [1.0])),
        h.make_node("Constant", [], ["three"], value_floats=[1.0, 2.5, 4.0]),
        h.make_node("Constant", [], ["words"], value_strings=["a", "β"]),
        h.make_node("Constant", [], ["word"], value_string="γ"),
        h.make_node("ReduceSum", ["d"], ["e"], keepdims=1, noop_with_empty_axes=0),
        h.make_node("Flatten", ["e"], ["f"], axis=-1),
        h.make_node("Add", ["f", "one"], ["y"]),
    ]
    return model(nodes, [x, value("flag", T.BOOL, [])], [y], initializers)


def external():
    made = model([h.make_node("Add", ["x", "w"], ["y"])], [x], [y], [numpy_helper.from_array(np.ones(2, np.float32), "w")])
    tensor = made.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    return made


def sparse():
    tensor = h.make_sparse_tensor(
        h.make_tensor("w", T.FLOAT, [1], [1.0]), h.make_tensor("i", T.INT64, [1], [1]), [2]
    )
    return model([h.make_node("Add", ["x", "w"], ["y"])], [x], [y], sparse_initializer=[tensor])


def sequence():
    out = h.make_tensor_sequence_value_info("s", T.FLOAT, None)
    return model([h.make_node("SequenceConstruct", ["x"], ["s"])], [x], [out])


def function():
    twice = h.make_function(
        "own", "Twice", ["a"], ["b"], [h.make_node("Add", ["a", "a"], ["b"])], [h.make_opsetid("", 18)]
    )
    return model([h.make_node("Twice", ["x"], ["y"], domain="own")], [x], [y], functions=[twice])


def float8():
    return model([h.make_node("Cast", ["x"], ["y"], to=T.FLOAT)], [value("x", T.FLOAT8E4M3FN)], [value("y")])


def words():
    return model([h.make_node("Identity", ["w"], ["y"])], [], [value("y", T.STRING, [1])], [h.make_tensor("w", T.STRING, [1], ["a"])])


makers = [everything, external, sparse, sequence, function, float8, words]
golden = {
    "origin": f"onnx {onnx.__version__} for Python, written by scripts/make-onnx-golden.py; models in base64",
    **{make.__name__: base64.b64encode(make().SerializeToString()).decode() for make in makers},
}
with open("packages/core/test/golden/onnx-codec.json", "w") as file:
    json.dump(golden, file, indent=2)
    file.write("\n")
