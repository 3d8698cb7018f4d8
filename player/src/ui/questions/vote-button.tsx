/** The vote of one question: what it counts, what pressing it does, and how far the server is with it. */
import type { VoteStand } from "../../core/board";
import { formatNumber } from "../../i18n";
import { questions as t } from "../../i18n/questions";
import { Icon } from "../components";

interface VoteButtonProps {
  votes: number;
  stand: VoteStand;
  /** What the reader wished and the server has not answered; null: nothing is under way. */
  pending: boolean | null;
  onVote(on: boolean): void;
}

function nameOf({ votes, stand, pending }: VoteButtonProps): string {
  if (pending !== null) return t().votePending;
  if (stand === "votable") return t().voteFor(votes);
  if (stand === "voted") return t().takeBack(votes);
  return stand === "own" ? t().voteOwn(votes) : t().voteClosed(votes);
}

export function VoteButton(props: VoteButtonProps) {
  const { votes, stand, pending, onVote } = props;
  const isOpen = stand === "votable" || stand === "voted";
  const pressed = pending ?? stand === "voted";
  const look = pending !== null ? "vote vote-pending" : `vote vote-${stand}`;
  const figure = (
    <>
      <Icon name="up" size={16} />
      {/* The key makes a changed count a new element, so that it rolls in. */}
      <span key={votes} class="vote-count numbers">
        {formatNumber(votes)}
      </span>
    </>
  );
  if (!isOpen) {
    return (
      <div class={look} role="img" aria-label={nameOf(props)} title={nameOf(props)}>
        {figure}
      </div>
    );
  }
  return (
    <button type="button" class={look} aria-pressed={pressed} aria-label={nameOf(props)} onClick={() => onVote(!pressed)}>
      {figure}
    </button>
  );
}
