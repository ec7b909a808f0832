"""One file by ONNX Runtime's own quantizer: `python3 quantize.py '{"mode": "static", ...}'`, called by run.mjs.

Prints the seconds that it took. Files are first prepared as ONNX Runtime's documentation advises: shapes inferred, constants and batch
normalizations folded, and brought to operator set 13, which scales of channels need.
"""

import contextlib
import json
import os
import sys
import tempfile
import time

import numpy
import onnx
import onnx.defs
import onnx.version_converter

# Debian's onnx and onnxruntime share one registry of operators: onnx.reference, which the quantizer imports, refuses a name in two domains.
every = onnx.defs.get_all_schemas_with_history
onnx.defs.get_all_schemas_with_history = lambda: [s for s in every() if s.domain in ("", "ai.onnx.ml", "ai.onnx.preview.training")]

row = json.loads(sys.argv[1])


class Examples:
    """Examples one by one, as the quantizer takes them."""

    def __init__(self):
        data = numpy.load(row["data"], mmap_mode="r")
        self.rest = iter([data[i : i + 1] for i in range(min(row["examples"], len(data)))])

    def get_next(self):
        x = next(self.rest, None)
        return None if x is None else {row["input"]: numpy.ascontiguousarray(x)}


def prepared(folder):
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = onnx.load(row["model"])
    version = next(own.version for own in model.opset_import if own.domain == "")
    if version < 13:
        model = onnx.version_converter.convert_version(model, 13)
    source, target = (os.path.join(folder, name) for name in ("source.onnx", "prepared.onnx"))
    onnx.save(model, source)
    # Inference of symbolic shapes does not know all operators of these files.
    quant_pre_process(source, target, skip_symbolic_shape=True)
    return target


def quantize(folder):
    from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_dynamic, quantize_static

    # For weights of 4 bits the preparation would make Gemm of MatMul and Add, which that quantizer does not take.
    source = row["model"] if "block" in row else prepared(folder)
    operators = row.get("operators")
    if row["mode"] == "static":
        quantize_static(
            source,
            row["out"],
            Examples(),
            op_types_to_quantize=operators,
            per_channel=row["perChannel"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[row["method"]],
        )
    elif row["mode"] == "dynamic":
        quantize_dynamic(source, row["out"], op_types_to_quantize=operators, per_channel=row["perChannel"])
    else:
        from onnxruntime.quantization.matmul_4bits_quantizer import HQQWeightOnlyQuantConfig, MatMul4BitsQuantizer

        own = {"algo_config": HQQWeightOnlyQuantConfig(block_size=row["block"])} if row["mode"] == "hqq" else {"block_size": row["block"]}
        quantizer = MatMul4BitsQuantizer(onnx.load(source), **own)
        quantizer.process()
        quantizer.model.save_model_to_file(row["out"])


start = time.perf_counter()
# Both packages print on loading.
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
    quantize(folder)
print(json.dumps({"seconds": time.perf_counter() - start}))
