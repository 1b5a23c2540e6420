-- What tasks wrote, byte for byte. Too much for events: they carry its size and SHA-256.

create schema output;

create table output.cursor (
  task_id text not null,
  stream text not null check (stream in ('out', 'err')),
  -- bytes kept so far: the only offset at which more may be added
  next_byte bigint not null check (next_byte >= 0),
  primary key (task_id, stream)
);
comment on table output.cursor is 'How much of a task''s output is kept';

create table output.chunk (
  task_id text not null,
  stream text not null,
  from_byte bigint not null check (from_byte >= 0),
  bytes bytea not null check (octet_length(bytes) between 1 and 262144),
  primary key (task_id, stream, from_byte),
  foreign key (task_id, stream) references output.cursor (task_id, stream) on delete cascade
);
comment on table output.chunk is 'The output of tasks in pieces: dense from byte 0 to output.cursor.next_byte, none twice';
