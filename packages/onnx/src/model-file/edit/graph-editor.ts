import { DataError, type NdArray, type Shape } from "isoloss";
import {
  type OnnxDType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  type RawField,
  type ReadExternal,
  rawField,
  readTensor,
  readValueInfo,
  writeTensor,
  writeValueInfo,
} from "isoloss/internal";
import { arrayOf } from "../../import/arrays.js";
import { constantsOf } from "../../import/parameters.js";
import { floatsOf, isFloatType } from "./float-data.js";
import {
  type GraphItem,
  INITIALIZER,
  INPUT,
  ItemList,
  intOf,
  itemOf,
  OUTPUT,
  opsetOf,
  readerOf,
  rewired,
  tensorType,
  VALUE_INFO,
  withVersions,
  writtenNode,
} from "./graph-items.js";
import { OnnxFile } from "./onnx-file.js";
import { withOtherFloats } from "./replace-floats.js";

/** What the floats of a file are, without their numbers. */
export interface FloatType {
  readonly dtype: OnnxDType;
  readonly shape: Shape;
}

/** Floats of a file as numbers that are computed with. */
export interface Floats extends FloatType {
  readonly data: Float64Array;
}

/**
 * The main graph of a model file, to be changed node by node. Fields that no change concerns keep their bytes. Nodes are
 * identified by their objects: a change replaces the object.
 */
export class GraphEditor {
  #opset: number;
  readonly #op: string;
  readonly #external: ReadExternal | undefined;
  #irVersion: number;
  #model: readonly RawField[];
  readonly #before: Uses;
  readonly #floats = new Map<string, Floats>();
  readonly #originals = new Map<string, Floats>();
  readonly #items: ItemList;
  /** The nodes of the file. */
  readonly #read: ReadonlySet<OnnxNode>;
  /** Names of tensors that were not in the file. */
  readonly #added = new Set<string>();
  /** Whether the file was of an IR version in which every stored tensor is an input of the graph, and is no more. */
  #isFreed = false;
  /** Which nodes make and read the values of the graph as it is now. */
  readonly uses: Uses;

  /** @param op names the function in errors */
  constructor(op: string, file: OnnxFile) {
    this.#op = op;
    this.#external = file.external;
    this.#model = file.fields;
    this.#irVersion = intOf(this.#model, 1);
    this.#opset = opsetOf(this.#model);
    this.#items = new ItemList(file.items);
    const { nodes } = this;
    requireOrder(op, nodes);
    this.#read = new Set(nodes);
    this.#before = new Uses(nodes);
    this.uses = new Uses(nodes);
  }

  /** The version of the standard operator set. */
  get opset(): number {
    return this.#opset;
  }

  get nodes(): readonly OnnxNode[] {
    return this.#items.all().flatMap(({ node }) => (node === undefined ? [] : [node]));
  }

  /** An input of the graph by its name. */
  input(name: string): OnnxValueInfo | undefined {
    const item = this.#items.named(INPUT, name);
    return item === undefined ? undefined : readValueInfo(readerOf(item.field));
  }

  /** Names of the inputs that a run must give: not those that the file stores. */
  get freeInputs(): readonly string[] {
    return this.#items
      .all()
      .flatMap(({ field, name }) =>
        field.number === INPUT && name !== undefined && this.#items.named(INITIALIZER, name) === undefined
          ? [name]
          : [],
      );
  }

  isOutput(value: string): boolean {
    return this.#items.named(OUTPUT, value) !== undefined;
  }

  /** Whether a value has one reader in the main graph, and is no output of the model. */
  isUsedOnce(value: string): boolean {
    return this.uses.readers(value).length === 1 && !this.uses.isCaptured(value) && !this.isOutput(value);
  }

  /** The node that alone reads a value, which is no output of the model. */
  soleReader(value: string): OnnxNode | undefined {
    return this.isUsedOnce(value) ? this.uses.readers(value)[0] : undefined;
  }

  /** An initializer or the value of a Constant node, as it was read. */
  tensor(name: string): OnnxTensor | undefined {
    const item = this.#items.named(INITIALIZER, name);
    if (item !== undefined) return this.#located(() => readTensor(readerOf(item.field, this.#external)));
    const maker = this.uses.maker(name);
    return maker && constantsOf(maker)[0];
  }

  /** Type and shape of the floats of an initializer or Constant node; undefined for any other value. */
  floatType(name: string): FloatType | undefined {
    const item = this.#items.named(INITIALIZER, name);
    const own =
      item === undefined ? this.tensor(name) : tensorType(item.field, `${this.#op}: the tensor "${name}"`);
    return own !== undefined && isFloatType(own.dtype) ? own : undefined;
  }

  /** The floats of an initializer or of a Constant node; undefined for any other value. */
  floats(name: string): Floats | undefined {
    const own = this.#floats.get(name) ?? this.#floatsOf(name);
    if (own !== undefined) this.#floats.set(name, own);
    return own;
  }

  /** Replaces the numbers of an initializer or Constant node; they are rounded when the file is written. */
  setFloats(name: string, floats: Floats): void {
    this.#floats.set(name, floats);
  }

  /**
   * Says that the file is of a newer operator set, which its nodes must already be written for, and of an IR version
   * that has it.
   */
  raiseVersions(opset: number, irVersion: number): void {
    this.#isFreed ||= this.#irVersion < 4 && irVersion >= 4;
    this.#opset = Math.max(opset, this.#opset);
    this.#irVersion = Math.max(irVersion, this.#irVersion);
    this.#model = withVersions(this.#model, this.#opset, this.#irVersion);
  }

  /** Adds an initializer of floats and returns its name, which starts with `base`. */
  add(base: string, { dtype, shape, data }: Floats): string {
    const name = this.freshName(base);
    return this.addTensor(name, {
      dtype,
      shape,
      data: floatsOf({ shape, data }, dtype, `The tensor "${name}"`),
    });
  }

  /** Adds an initializer of any type and returns its name, which starts with `base`. */
  addTensor(base: string, { dtype, shape, data }: Omit<OnnxTensor, "name">): string {
    const name = this.freshName(base);
    const tensor = { name, dtype, shape, data };
    this.#added.add(name);
    this.#add(INITIALIZER, name, (w) => writeTensor(w, tensor));
    // Before IR version 4 every initializer is an input of the graph, too.
    if (this.#irVersion < 4) this.#add(INPUT, name, (w) => writeValueInfo(w, { name, dtype, shape }));
    return name;
  }

  /** Makes a value an output of the model, if it is none. */
  addOutput(name: string): void {
    if (!this.isOutput(name)) this.#add(OUTPUT, name, (w) => writeValueInfo(w, { name }));
  }

  freshName(base: string): string {
    const taken = (name: string) => this.uses.isKnown(name) || this.#items.hasName(name);
    if (!taken(base)) return base;
    let i = 1;
    while (taken(`${base}_${i}`)) i++;
    return `${base}_${i}`;
  }

  /** Puts nodes in the place of one, which may be among them. */
  replace(node: OnnxNode, ...others: readonly OnnxNode[]): void {
    const item = this.#items.get(node);
    this.#exchange(
      node,
      others.map((own) => (own === node && item ? item : { field: writtenNode(own), node: own })),
    );
  }

  /** Gives a node other operands or results; all else of it keeps its bytes. Returns the new node. */
  rewire(node: OnnxNode, { inputs = node.inputs, outputs = node.outputs }: Partial<OnnxNode>): OnnxNode {
    const own = { ...node, inputs, outputs };
    const item = this.#items.get(node);
    if (item !== undefined) this.#exchange(node, [{ field: rewired(item.field, own), node: own }]);
    return own;
  }

  /** Lets a node read `to` instead of `from`. */
  reread(node: OnnxNode, from: string, to: string): void {
    this.rewire(node, { inputs: node.inputs.map((name) => (name === from ? to : name)) });
  }

  /** Lets all nodes read `to` instead of `from`. */
  rename(from: string, to: string): void {
    for (const node of new Set(this.uses.readers(from))) this.reread(node, from, to);
  }

  /** Puts nodes before the first one that reads a value, which they make. */
  putBeforeReaders(value: string, ...nodes: readonly OnnxNode[]): void {
    const readers = this.uses.readers(value);
    const first = readers.length === 1 ? readers[0] : this.nodes.find((node) => readers.includes(node));
    if (first !== undefined) this.replace(first, ...nodes, first);
  }

  /** The file with all changes; tensors and value infos that they left without use are left out. */
  finish(): OnnxFile {
    const isGone = (name: string) =>
      (this.#before.isRead(name) || this.#added.has(name)) && !this.uses.isRead(name) && !this.isOutput(name);
    const isUnmade = (name: string) =>
      this.#before.maker(name) !== undefined && this.uses.maker(name) === undefined;
    const isStored = (name: string) => this.#items.named(INITIALIZER, name) !== undefined;
    const kept = this.#items.all().filter(({ field, node, name = "" }) => {
      if (node !== undefined) return node.opType !== "Constant" || !node.outputs.every(isGone);
      if (field.number === INITIALIZER) return !isGone(name);
      // From IR version 4 on, a stored tensor that is an input, too, is only a default.
      if (field.number === INPUT) return !(isStored(name) && (isGone(name) || this.#isFreed));
      return field.number !== VALUE_INFO || !isUnmade(name);
    });
    return new OnnxFile(
      this.#model,
      kept.map((item) => this.#finished(item)),
      undefined,
      this.#external,
    );
  }

  /** A field with its new numbers; a new node as it is read back. */
  #finished(item: GraphItem): GraphItem {
    const { node, name = "" } = item;
    const mayChange = node === undefined ? this.#changed(name) !== undefined : node.opType === "Constant";
    const field = mayChange ? withOtherFloats(item.field, (own) => this.#changed(own.name)) : item.field;
    const isOld = node === undefined || this.#read.has(node);
    return field === item.field && isOld ? item : itemOf(field);
  }

  #add(number: number, name: string, write: (w: Parameters<typeof writeTensor>[0]) => void): void {
    this.#items.add({ field: rawField(number, (w, n) => w.message(n, write)), name });
  }

  /** Numbers that differ from those that were read. */
  #changed(name: string): NdArray | undefined {
    const floats = this.#floats.get(name);
    return floats === undefined || floats === this.#originals.get(name) ? undefined : floats;
  }

  #floatsOf(name: string): Floats | undefined {
    const tensor = this.tensor(name);
    if (tensor === undefined || !isFloatType(tensor.dtype)) return undefined;
    const { shape, data } = arrayOf(tensor, "float64");
    const floats = { dtype: tensor.dtype, shape, data: data as Float64Array };
    this.#originals.set(name, floats);
    return floats;
  }

  /** Says which function read a tensor where that fails. */
  #located<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      throw new DataError(`${this.#op}: ${cause.message}`, { cause });
    }
  }

  #exchange(node: OnnxNode, items: readonly GraphItem[]): void {
    this.#items.replace(node, items);
    this.uses.remove(node);
    for (const item of items) if (item.node !== undefined) this.uses.add(item.node);
  }
}

/** Throws unless each node reads results of nodes before it alone, as in a file that can run. */
function requireOrder(op: string, nodes: readonly OnnxNode[]): void {
  const later = new Set(nodes.flatMap(({ outputs }) => outputs));
  for (const { opType, inputs, outputs } of nodes) {
    const early = inputs.find((name) => name !== "" && later.has(name));
    if (early !== undefined) {
      throw new DataError(
        `${op}: the ${opType} "${outputs[0]}" reads "${early}" before it is made: the file is damaged.`,
      );
    }
    for (const name of outputs) later.delete(name);
  }
}

/** Which nodes of a graph make and read its values. */
export class Uses {
  readonly #makers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();
  /** How many graphs inside nodes have a value of each name. */
  readonly #captured = new Map<string, number>();

  constructor(nodes: readonly OnnxNode[]) {
    for (const node of nodes) this.add(node);
  }

  add(node: OnnxNode): void {
    for (const name of node.outputs) if (name !== "") this.#makers.set(name, node);
    for (const name of node.inputs) {
      const list = this.#readers.get(name);
      if (list === undefined) this.#readers.set(name, [node]);
      else list.push(node);
    }
    for (const name of innerNames(node)) this.#captured.set(name, (this.#captured.get(name) ?? 0) + 1);
  }

  remove(node: OnnxNode): void {
    for (const name of node.outputs) if (this.#makers.get(name) === node) this.#makers.delete(name);
    for (const name of new Set(node.inputs)) {
      this.#readers.set(
        name,
        this.readers(name).filter((other) => other !== node),
      );
    }
    for (const name of innerNames(node)) this.#captured.set(name, (this.#captured.get(name) ?? 0) - 1);
  }

  maker(value: string): OnnxNode | undefined {
    return this.#makers.get(value);
  }

  /** The nodes that read a value, each as often as it does. */
  readers(value: string): readonly OnnxNode[] {
    return this.#readers.get(value) ?? [];
  }

  /** Whether a graph inside a node has a value of this name: its own, or that of the graph around it. */
  isCaptured(value: string): boolean {
    return (this.#captured.get(value) ?? 0) > 0;
  }

  isRead(value: string): boolean {
    return this.readers(value).length > 0 || this.isCaptured(value);
  }

  /** Whether a node makes or reads a value of this name. */
  isKnown(value: string): boolean {
    return this.isRead(value) || this.#makers.has(value);
  }
}

/** The names of values in the graphs inside a node. */
function innerNames({ attributes }: OnnxNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const attribute of Object.values(attributes)) {
    if (attribute.kind === "graph") collectNames(attribute.value, names);
  }
  return names;
}

function collectNames({ nodes, outputs }: OnnxGraph, into: Set<string>): void {
  for (const { name } of outputs) into.add(name);
  for (const node of nodes) {
    for (const name of [...node.inputs, ...node.outputs, ...innerNames(node)]) into.add(name);
  }
}
