import 'reflect-metadata';
import {
  getMetadataStorage,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateBy,
  validateSync,
} from 'class-validator';
import fc from 'fast-check';
import { CreateApiKeyDto, RotateApiKeyDto } from '../../../src/auth/http/api-keys.dto.js';
import { MintTokenDto } from '../../../src/auth/http/tokens.dto.js';
import { EditDto, ReceiveDto } from '../../../src/messages/message.dto.js';
import { SendDto } from '../../../src/wire/message.dto.js';
import { HistoryQuery, ListQuery, ReadDto } from '../../../src/messages/read.dto.js';
import { HandshakeDto } from '../../../src/push/handshake.dto.js';
import { SyncDto } from '../../../src/push/sync.dto.js';
import { CreateSessionDto, PatchSessionDto } from '../../../src/sessions/session.dto.js';
import { AgentFinishDto, AgentSendDto, AgentStreamStartDto } from '../../../src/agents/agents.dto.js';
import { WaitQuery } from '../../../src/messages/wait.dto.js';
import { TypingDto } from '../../../src/push/push.dto.js';
import { StreamLineDto, StreamPieceDto } from '../../../src/streaming/stream.dto.js';
import { DeliveryListQuery, ReplayDto } from '../../../src/webhooks/delivery.dto.js';
import { CreateWebhookDto, PatchWebhookDto } from '../../../src/webhooks/webhook.dto.js';
import { isSurelyValid } from '../../../src/wire/compiled-rules.js';
import { ShapeReader } from '../../../src/wire/shape.js';

const DTOS = [
  ...[ReceiveDto, SendDto, EditDto, ReadDto, ListQuery, HistoryQuery],
  ...[AgentSendDto, AgentStreamStartDto, AgentFinishDto, StreamLineDto, StreamPieceDto, TypingDto, WaitQuery],
  ...[CreateWebhookDto, PatchWebhookDto, ReplayDto, DeliveryListQuery],
  ...[
    CreateSessionDto,
    PatchSessionDto,
    CreateApiKeyDto,
    RotateApiKeyDto,
    MintTokenDto,
    HandshakeDto,
    SyncDto,
  ],
];

const NAMES = [
  ...new Set(
    DTOS.flatMap((dto) =>
      getMetadataStorage()
        .getTargetValidationMetadatas(dto, '', false, false)
        .map(({ propertyName }) => propertyName),
    ),
  ),
  ...['content', 'sender', 'attachments', 'name', 'url', 'size', 'type', 'description', 'extra'],
];

/** Values that are right somewhere and wrong elsewhere. */
const leaf = fc.oneof(
  fc.constantFrom(
    'user123',
    'text',
    '',
    'assistant',
    'user',
    'open',
    'desc',
    'merge',
    'https://a.example/x',
    null,
  ),
  fc.constantFrom('x'.repeat(256), 'line\nbreak', 'admin', '42', 'abc.def.ghi'),
  fc.constantFrom(0, 1, 50, 201, -1, 1.5, Number.MAX_SAFE_INTEGER, true, false),
);

const body = fc.letrec<{ node: unknown; object: object }>((tie) => ({
  node: fc.oneof({ depthSize: 'small' }, leaf, tie('object'), fc.array(tie('node'), { maxLength: 3 })),
  object: fc.dictionary(fc.constantFrom(...NAMES), tie('node'), { maxKeys: 6 }),
})).object;

/** Rules that have a shortcut, with values near their limits. */
const RULES: Record<string, PropertyDecorator> = {
  IsString: IsString(),
  IsNotEmpty: IsNotEmpty(),
  MaxLength: MaxLength(3),
  Matches: Matches(/^\p{L}*$/u),
  'Matches, everywhere': Matches(/a/g),
  'Matches, as text': Matches('^a+$', 'i'),
  IsIn: IsIn(['a', 1, null]),
  'IsIn, each': IsIn(['a', 1], { each: true }),
  IsObject: IsObject(),
  IsOptional: (target, name) => [IsOptional(), MaxLength(3)].forEach((rule) => rule(target, name)),
};
/** Characters of one and of two code units, and one that is not counted (a variation selector). */
const text = fc
  .array(fc.constantFrom('a', 'A', 'é', '1', ' ', '\n', '\u{1F600}', '\uFE0F', '\uD83D'), { maxLength: 6 })
  .map((characters) => characters.join(''));
const anything = fc.oneof(
  ...[text, fc.array(fc.oneof(text, fc.constant(1)), { maxLength: 3 }), fc.object({ maxDepth: 1 })],
  fc.constantFrom(undefined, null, 0, 1, NaN, true, new Date(0), new String('a'), () => 'a', Symbol.iterator),
);

describe('compiled rules', () => {
  it.each(Object.entries(RULES))('judge %s as class-validator does', (_name, rule) => {
    class One {
      field: unknown;
    }
    rule(One.prototype, 'field');
    fc.assert(
      fc.property(anything, (value) => {
        const instance = Object.assign(new One(), { field: value });
        const errors = validateSync(instance, { forbidUnknownValues: false });
        expect(isSurelyValid(instance)).toBe(errors.length === 0);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(DTOS.map((dto) => [dto.name, dto] as const))('judge %s as class-validator does', (_name, dto) => {
    fc.assert(
      fc.property(body, (plain) => {
        const instance = new ShapeReader().read<object>(dto, plain);
        const errors = validateSync(instance, { forbidUnknownValues: false });
        expect(isSurelyValid(instance)).toBe(errors.length === 0);
      }),
      { numRuns: 400 },
    );
  });

  it('accepts a good message, so that the usual case is the quick one', () => {
    const plain = { platform_user_id: 'user123', message: { payload: { content: 'Hi' } }, metadata: {} };
    expect(isSurelyValid(new ShapeReader().read(ReceiveDto, plain))).toBe(true);
  });

  it('cannot tell about rules that answer later', () => {
    class Later {
      @ValidateBy({ name: 'later', async: true, validator: { validate: () => Promise.resolve(true) } })
      field = 1;
    }
    expect(isSurelyValid(new Later())).toBe(false);
  });

  it('cannot tell about rules that hold under a condition of their own', () => {
    class Conditional {
      @IsIn([1], { validateIf: () => true })
      field = 1;
    }
    expect(isSurelyValid(new Conditional())).toBe(false);
  });
});
