"""Writes events.out.tfevents.0000000012.golden with Google's protobuf library, from TensorFlow's message definitions
(tensorflow/core/util/event.proto, framework/summary.proto, tensor.proto, tensor_shape.proto), and a CRC-32C that goes
bit by bit. `python3 tensorboard.py` in this folder."""

import struct
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
fd = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")


def message(name, *fields):
    m = fd.message_type.add(name=name)
    for field, number, kind, repeated in fields:
        f = m.field.add(name=field, number=number, label=F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL)
        if isinstance(kind, str):
            f.type, f.type_name = F.TYPE_MESSAGE, f".t.{kind}"
        else:
            f.type = kind


message("Dim", ("size", 1, F.TYPE_INT64, False))
message("TensorShapeProto", ("dim", 2, "Dim", True))
message(
    "TensorProto",
    ("dtype", 1, F.TYPE_INT32, False),
    ("tensor_shape", 2, "TensorShapeProto", False),
    ("string_val", 8, F.TYPE_BYTES, True),
)
message("PluginData", ("plugin_name", 1, F.TYPE_STRING, False), ("content", 2, F.TYPE_BYTES, False))
message("SummaryMetadata", ("plugin_data", 1, "PluginData", False), ("data_class", 4, F.TYPE_INT32, False))
message(
    "Value",
    ("tag", 1, F.TYPE_STRING, False),
    ("simple_value", 2, F.TYPE_FLOAT, False),
    ("tensor", 8, "TensorProto", False),
    ("metadata", 9, "SummaryMetadata", False),
)
message("Summary", ("value", 1, "Value", True))
message(
    "Event",
    ("wall_time", 1, F.TYPE_DOUBLE, False),
    ("step", 2, F.TYPE_INT64, False),
    ("file_version", 3, F.TYPE_STRING, False),
    ("summary", 5, "Summary", False),
)
pool = descriptor_pool.DescriptorPool()
pool.Add(fd)
Event = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("t.Event"))


def crc32c(data):
    r = 0xFFFFFFFF
    for byte in data:
        r ^= byte
        for _ in range(8):
            r = (r >> 1) ^ (0x82F63B78 if r & 1 else 0)
    return r ^ 0xFFFFFFFF


def masked(data):
    r = crc32c(data)
    return struct.pack("<I", (((r >> 15) | (r << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(event):
    data = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


events = [Event(wall_time=12.5, file_version="brain.Event:2")]
e = Event(wall_time=12.5, step=1)
e.summary.value.add(tag="loss/train", simple_value=0.1)
e.summary.value.add(tag="gradNormSq", simple_value=1e30)
events.append(e)
e = Event(wall_time=1700000000.25, step=123456789012)
e.summary.value.add(tag="loss/train", simple_value=float("nan"))
v = e.summary.value.add(tag="config")
v.tensor.dtype = 7
v.tensor.tensor_shape.dim.add(size=1)
v.tensor.string_val.append("# größe\n".encode() * 40)
v.metadata.plugin_data.plugin_name = "text"
v.metadata.data_class = 2
events.append(e)

with open("events.out.tfevents.0000000012.golden", "wb") as f:
    f.write(b"".join(map(record, events)))
