/** What stands in the place of the picture for whoever is not let in, and after the end. */
export const en = {
  ended: "Thank you for being here",
  endedMeans: "The event is over.",
  endedLasted: "Duration",
  endedQuestions: "Questions",
  endedAnswered: "Answered",
  turned: {
    signin: {
      title: "Open your invitation",
      means: "You are not signed in on this browser, or your session has expired. Open the invitation link you were sent once more.",
    },
    forbidden: {
      title: "This event is not open to you",
      means: "You are signed in, but not invited to this event. Open the invitation link for it, or ask the person who invited you.",
    },
    unknown: {
      title: "There is no such event",
      means: "Check the address, or open the invitation link you were sent.",
    },
    kicked: {
      title: "You have been removed from this event",
      means: "If you think that this is a mistake, speak to the organisers.",
    },
    full: {
      title: "The event is full",
      means: "All places are taken at the moment. Try again in a few minutes.",
    },
  },
  toEvents: "Events I may join",
};
