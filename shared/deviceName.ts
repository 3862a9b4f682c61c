/** Names of devices, as objectives have them; apart from the messages' schemas, so that a page need not load those. */

export const deviceNamePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const deviceNameRule = "lower-case letters, digits and hyphens, at most 63";
