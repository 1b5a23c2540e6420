-- Replies while they are written: what a worker has claimed and what a model has said so far. Not the record: the outcome is an
-- event, and the text is dropped when that event is there.

create schema live;
comment on schema live is 'Replies that are being written: claims and text, until their outcome is an event.';

create table live.claim (
  reply_id text not null,
  step int not null check (step > 0),
  conversation_id text not null,
  at timestamptz not null default now(),
  -- when the outcome was recorded: kept a while, so that a worker that slept through it all still finds that it was asked
  ended_at timestamptz,
  primary key (reply_id, step)
);
create index claim_ended on live.claim (ended_at) where ended_at is not null;
comment on table live.claim is 'A model was, or may have been, asked for this step: it is never asked for it again.';

create table live.chunk (
  reply_id text not null,
  -- offsets in UTF-16 code units over all steps of the reply
  from_unit int not null check (from_unit >= 0),
  upto_unit int not null check (upto_unit > from_unit),
  text text not null,
  primary key (reply_id, upto_unit)
);
comment on table live.chunk is 'The text of open replies, dense from 0; a piece that was stored twice overlaps and says the same.';
