/** Reads nginx configuration text into directives, so that tests ask for values instead of comparing text. */

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** Directives in its block; empty for a simple one. */
  readonly block: readonly Directive[];
}

/** @throws Error when braces or quotes do not match. */
export function parseNginx(text: string): readonly Directive[] {
  const tokens = [...text.matchAll(/#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([{};])|((?:\\.|[^\s{};"'])+)/g)]
    .filter(([whole]) => !whole.startsWith('#'))
    .map(([, double, single, mark, word]) => ({ mark: mark ?? '', word: double ?? single ?? word ?? '' }));
  let at = 0;
  const body = (nested: boolean): Directive[] => {
    const found: Directive[] = [];
    let words: string[] = [];
    for (; at < tokens.length; at += 1) {
      const { mark, word } = tokens[at] ?? { mark: '', word: '' };
      if (mark === '') {
        words.push(word);
        continue;
      }
      if (mark === '}') {
        if (!nested || words.length > 0) throw new Error(`Unexpected } after ${words.join(' ')}`);
        return found;
      }
      const [name = '', ...args] = words;
      words = [];
      if (mark === '{') {
        at += 1;
        found.push({ name, args, block: body(true) });
      } else {
        found.push({ name, args, block: [] });
      }
    }
    if (nested || words.length > 0) throw new Error('The text ends inside a block or a directive');
    return found;
  };
  return body(false);
}

/** Directives of one name in a block. */
export function all(block: readonly Directive[], name: string): readonly Directive[] {
  return block.filter((directive) => directive.name === name);
}

/** @returns the arguments of the only directive of that name, joined by blanks. @throws Error unless there is exactly one. */
export function only(block: readonly Directive[], name: string): string {
  const found = all(block, name);
  if (found.length !== 1) throw new Error(`Found ${found.length} of ${name}; expected one`);
  return (found[0]?.args ?? []).join(' ');
}
