import type { components, paths } from "./openapi";

/** A schema as an answer carries it: the service writes every field, null or empty where there is nothing to say. */
type Written<T> = { [K in keyof T]-?: Written<Exclude<T[K], undefined>> };

/** What answers consist of, by its name in the API's description: `Schema["ScoreMessage"]`. */
export type Schema = Written<components["schemas"]>;

/** What requests consist of; fields that may be left out are optional. */
export type Given = components["schemas"];

/** A path of the API as its description writes it, with names in braces. */
export type Path = keyof paths;

/** The methods that a path has, in small letters. */
export type MethodOf<P extends Path> = {
  [M in keyof paths[P] & string]: paths[P][M] extends { responses: unknown } ? M : never;
}[keyof paths[P] & string];

type InJson<T> = T extends { content: { "application/json": infer Body } } ? Body : never;

/** What a request brings: values for the names in its path, its query, its body, where it has them. */
export type InputOf<P extends Path, M extends MethodOf<P>> = paths[P][M] extends { parameters: infer Parameters }
  ? Pick<Parameters, keyof Parameters & ("path" | "query")> &
      (paths[P][M] extends { requestBody: infer Body } ? { body: InJson<Body> } : { body?: never })
  : never;

/** What is answered when all goes well; null where there is nothing to answer. */
export type AnswerOf<P extends Path, M extends MethodOf<P>> = paths[P][M] extends { responses: infer Responses }
  ? Responses extends { 204: unknown }
    ? null
    : Written<InJson<Responses[keyof Responses & (200 | 201 | 202)]>>
  : never;
