/** What went wrong, by the stable codes of the API, as a person should read it. */
export const en = {
  offline: "The server cannot be reached. Check your network, then try again.",
  internal: "Something went wrong on the server. Try again in a moment.",
  no_session: "You are not signed in on this browser. Open your invitation link again.",
  bad_session: "You are not signed in on this browser. Open your invitation link again.",
  unknown_event: "There is no such event. Check the address or open your invitation link.",
  store_unavailable: "The platform’s memory is away for a moment. Try again in a few seconds.",
  bad_csrf_token: "This page is out of date. Reload it and try again.",
  session_expired: "Your session has expired. Open your invitation link again.",
  not_invited: "You are not invited to this event. Open the invitation link you were sent.",
  role_needed: "Your invitation does not allow this. Ask the producer for another link.",
  not_found: "There is no such event. Check the address or open your invitation link.",
  too_many: "That was too often. Wait a moment, then try again.",
  rate_limited: "That was too often. Wait a moment, then try again.",
  unavailable: "A part of the platform is away. It comes back by itself, please wait.",
  link_invalid: "This invitation link is wrong or has expired. Ask the person who invited you for a new one.",
};
