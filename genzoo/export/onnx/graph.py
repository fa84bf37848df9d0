"""An ONNX graph in the making: nodes, constants and weights. It knows neither layers nor families."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from genzoo.stack import tf_variable

OPSET, IR_VERSION = 17, 8  # of 2022: what reads ONNX at all reads these
FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32
_TYPES = {"float32": FLOAT, "int32": INT32}


class Graph:
    """named: {name: weight} of all weights that may be used.    kind: 'float32' or 'float16', as what they are stored.

    Tensors are known by their names. `op` adds a node and returns the name of its output. Images are [N, C, H, W] here.
    """

    def __init__(self, named, kind="float32"):
        self.named, self.kind = named, kind
        self.names = {id(weight): name for name, weight in named.items()}
        self.inputs, self.outputs, self.nodes, self.initializers, self.constants, self.used = [], [], [], {}, {}, {}

    def input(self, name, shape, dtype="float32"):
        """Adds an input; None in a shape: any number of images."""
        shape = ["n" if size is None else size for size in shape]
        self.inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], shape))
        return name

    def output(self, value, name, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        shape = ["n" if size is None else size for size in shape]
        self.outputs.append(helper.make_tensor_value_info(name, FLOAT, shape))

    def op(self, kind, *inputs, outputs=1, **attributes):
        """Adds a node; returns the name of its output, or a list where there are more. An input that is an array or a
        number becomes a constant."""
        inputs = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        made = [f"{kind.lower()}_{len(self.nodes)}" + f"_{i}" * (outputs > 1) for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, made, name=made[0], **attributes))
        return made if outputs > 1 else made[0]

    def constant(self, value):
        """Returns the name of an array; numbers are float32."""
        value = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        value = value.astype(np.float32) if value.dtype == np.float64 else value
        key = value.dtype.str, value.shape, value.tobytes()
        if key not in self.constants:
            self.constants[key] = f"constant_{len(self.constants)}"
            self.initializers[self.constants[key]] = value
        return self.constants[key]

    def weight(self, weight, axes=None):
        """Returns the name of a weight of the model, in float32 whatever it is stored as; axes: their new order."""
        name = self.names[id(weight)]
        if name not in self.used:
            value = np.asarray(tf_variable(weight))
            value = np.ascontiguousarray(value if axes is None else value.transpose(axes))
            self.initializers[name] = value.astype(self.kind)
            self.used[name] = name
            if self.kind != "float32":
                self.used[name] = self.op("Cast", name, to=FLOAT)
        return self.used[name]

    def unused(self):
        """Returns the names of the weights that no node has asked for, sorted."""
        return sorted(self.named.keys() - self.used.keys())

    def save(self, path, name, told):
        """Writes the graph, checked; told: {key: text} of what it is."""
        tensors = [numpy_helper.from_array(value, name) for name, value in self.initializers.items()]
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, tensors)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="genzoo")
        helper.set_model_props(model, told)
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
