import type { Statement } from '../../database/database.js';

/** Who writes stream $2 of user $1; locked. No row when it is finished. */
export const SOURCE: Statement = {
  name: 'log.stream.source',
  text: `SELECT agent_session_id, source, agent_id, key_id, is_fenced FROM streams
         WHERE user_id = $1 AND seq = $2 FOR UPDATE`,
};

/** From now on source $3, of agent $4 and key $5, writes stream $2 of user $1. */
export const SET_SOURCE: Statement = {
  name: 'log.stream.set-source',
  text: 'UPDATE streams SET source = $3, agent_id = $4, key_id = $5 WHERE user_id = $1 AND seq = $2',
};

/** What connection $3 holds of session $2 of user $1, $4 holds from now on. */
export const MOVE_CLAIM: Statement = {
  name: 'log.stream.move-claim',
  text: 'UPDATE claims SET holder = $4 WHERE user_id = $1 AND agent_session_id = $2 AND holder = $3',
};
