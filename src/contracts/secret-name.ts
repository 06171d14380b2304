/** What a secret may be called, in a path and in `{{secrets.NAME}}`. Holds no zod, so that workflows may read it. */
export const SECRET_NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
