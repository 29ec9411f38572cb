/** Labels of everything a stack owns on its host; they never change, because a changed label replaces a network or volume. */
export const labelsOf = (stack: string, role: string): { label: string; value: string }[] => [
  { label: 'matrix-stack', value: stack },
  { label: 'matrix-stack.role', value: role },
];
