import { applyDecorators } from '@nestjs/common';
import { IsNotEmpty, IsString, Matches, MaxLength } from 'class-validator';

/** Longest id that a caller may choose, in characters. */
export const MAX_ID_LENGTH = 255;
/** No control characters: ids go to headers, logs and terminals. */
export const PRINTABLE = /^[^\p{Cc}]*$/u;

/** An id of the caller's choice: 1 to 255 characters, none of them a control character. */
function IsCallerId(): PropertyDecorator {
  return applyDecorators(
    IsString(),
    IsNotEmpty(),
    MaxLength(MAX_ID_LENGTH),
    Matches(PRINTABLE, { message: '$property must not contain control characters' }),
  );
}

export const IsPlatformUserId = IsCallerId;
export const IsAgentSessionId = IsCallerId;
export const IsClientMessageId = IsCallerId;
export const IsAgentId = IsCallerId;

/** An id of a message, as Parley makes them; one of another form is nobody's. */
export function IsMessageId(): PropertyDecorator {
  return applyDecorators(IsString(), MaxLength(MAX_ID_LENGTH));
}
