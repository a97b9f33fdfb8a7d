// What follows the # in the address of the page: an invite token, or the answer of a login. It is
// removed from the address before any other module runs, since no history should keep it.

export const fragment = location.hash.slice(1);
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
