/* What the pair leaves to the worker. */

export const TASKS = {};
