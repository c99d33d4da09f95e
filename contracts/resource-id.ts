/** Number of characters of a resource id: 20 of [0-9A-Za-z], 119 random bits. */
export const resourceIdLength = 20;

/** The form of the id of an account, a key, a project or a code. */
export const resourceIdPattern = /^[0-9A-Za-z]{20}$/;
