/** In a subscription, instead of a picture's name: the one that the server finds this line to carry. Also a person's choice. */
export const AUTO = "auto";
