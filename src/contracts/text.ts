import { z } from 'zod';

/** A lone surrogate has no UTF-8, so it cannot be kept in a column. */
export const text = (lengthMax: number, ifAbsent?: string) =>
  z
    .string({ error: ({ input }) => (input === undefined ? ifAbsent : undefined) })
    .max(lengthMax)
    .regex(/^\P{Surrogate}*$/u, 'must be well-formed Unicode');

/** A NUL character cannot be kept in a column either; bodies are searched for it as a whole. */
export const NO_NUL = /^[^\0]*$/;
