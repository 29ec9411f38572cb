import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { structPb } from "./modules.ts";

/** A property value as JSON; secrets and unknowns are the marked forms below. */
export type Value = null | boolean | number | string | Value[] | Props;

/** A resource's inputs or outputs. */
export type Props = { [key: string]: Value };

/** The unknown a preview sends for a value that only `up` computes (sdk/go/common/resource/plugin/rpc.go). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** True for an object (not an array, not null). */
export function isProps(value: Value | undefined): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a value marked as secret by the engine. */
export function isSecret(value: Value | undefined): value is Props {
  return isProps(value) && value[SIGNATURE] === SECRET;
}

/** Marks a value as secret, once. */
export function secret(value: Value): Value {
  return isSecret(value) ? value : { [SIGNATURE]: SECRET, value };
}

/** The value without its secret marks, at every depth. */
export function plain(value: Value): Value {
  if (isSecret(value)) return plain(value["value"] ?? null);
  if (Array.isArray(value)) return value.map(plain);
  if (isProps(value)) return plainProps(value);
  return value;
}

/** Like `plain`, for a whole property map. */
export function plainProps(props: Props): Props {
  return Object.fromEntries(Object.entries(props).map(([key, value]) => [key, plain(value)]));
}

/** True when the value holds an unknown at any depth. */
export function hasUnknown(value: Value): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isProps(value) && Object.values(value).some(hasUnknown);
}

/** The properties of a protobuf Struct; none for an absent one. */
export function fromStruct(struct: Struct | undefined): Props {
  return struct === undefined ? {} : propsOf(struct.toJavaScript());
}

/** A protobuf Struct of the properties. */
export function toStruct(props: Props): Struct {
  return structPb.Struct.fromJavaScript(props);
}

/** Reads foreign JSON (a daemon's answer, a Struct) as a value; what JSON cannot hold becomes null. */
export function valueOf(foreign: unknown): Value {
  if (foreign === null || typeof foreign === "string" || typeof foreign === "number" || typeof foreign === "boolean") return foreign;
  if (Array.isArray(foreign)) return foreign.map(valueOf);
  return typeof foreign === "object" ? propsOf(foreign) : null;
}

function propsOf(foreign: object): Props {
  return Object.fromEntries(Object.entries(foreign).filter(([, value]) => value !== undefined).map(([key, value]) => [key, valueOf(value)]));
}

/** A string property; `undefined` when absent or of another type. */
export function text(props: Props, key: string): string | undefined {
  const value = props[key];
  return typeof value === "string" ? value : undefined;
}

/** A number property; `undefined` when absent or of another type. */
export function count(props: Props, key: string): number | undefined {
  const value = props[key];
  return typeof value === "number" ? value : undefined;
}

/** A boolean property; `undefined` when absent or of another type. */
export function flag(props: Props, key: string): boolean | undefined {
  const value = props[key];
  return typeof value === "boolean" ? value : undefined;
}

/** The strings of a list property; empty when absent. */
export function texts(props: Props, key: string): string[] {
  const value = props[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The objects of a list property; empty when absent. */
export function list(props: Props, key: string): Props[] {
  const value = props[key];
  return Array.isArray(value) ? value.filter(isProps) : [];
}

/** An object property; empty when absent. */
export function props(of: Props, key: string): Props {
  const value = of[key];
  return isProps(value) ? value : {};
}

/** The properties without those whose value is `undefined`. */
export function compact(candidate: { [key: string]: Value | undefined }): Props {
  const kept: Props = {};
  for (const [key, value] of Object.entries(candidate)) if (value !== undefined) kept[key] = value;
  return kept;
}
