/** What pages use of the questions: the store, the audience's panel, the overlay. */
export { openQuestions } from "./entrance";
export { OnAirOverlay, QuestionPanel, StoreBanner } from "./panel";
export { ageWords, authorWords } from "./question-card";
export { QuestionStore } from "./store";
