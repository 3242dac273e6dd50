PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TABLE "account_emailaddress" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "verified" bool NOT NULL, "primary" bool NOT NULL, "user_id" bigint NOT NULL REFERENCES "ade_user" ("id") DEFERRABLE INITIALLY DEFERRED, "email" varchar(254) NOT NULL);
CREATE TABLE "account_emailconfirmation" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created" datetime NOT NULL, "sent" datetime NULL, "key" varchar(64) NOT NULL UNIQUE, "email_address_id" integer NOT NULL REFERENCES "account_emailaddress" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "ade_cache" ("cache_key" varchar(255) NOT NULL PRIMARY KEY, "value" text NOT NULL, "expires" datetime NOT NULL);
CREATE TABLE "ade_memberevent" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "at" datetime NOT NULL, "actor_id" varchar(64) NOT NULL, "actor_name" varchar(300) NOT NULL, "member_id" varchar(64) NOT NULL, "member_name" varchar(300) NOT NULL, "what" varchar(16) NOT NULL, "detail" varchar(300) NOT NULL);
CREATE TABLE "ade_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(150) NOT NULL, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "role" varchar(16) NOT NULL, "session_series" integer unsigned NOT NULL CHECK ("session_series" >= 0), CONSTRAINT "user_role_is_known" CHECK ("role" IN ('viewer', 'editor', 'manager', 'admin')));
INSERT INTO "ade_user" ("id", "password", "last_login", "is_superuser", "username", "first_name", "last_name", "email", "is_staff", "is_active", "date_joined", "role", "session_series") VALUES
(1, 'pbkdf2_sha256$1000000$VaQigIUh5EfAJGVbTBrTQn$wxEVXUaIr2RqG/amvRnKlJky1PaWZNJ0WfiSKU4B138=', NULL, 0, 'demo', 'Demo', 'Admin', '', 0, 1, '2026-11-22 19:31:36.647015', 'admin', 0),
(2, 'pbkdf2_sha256$1000000$GHVG6D0hvRXDF2yL4dGSkm$6Bf6c4I4n5FZGjMCuVThZu4yw+Rv0vLneslIbV1ZkuA=', '2026-11-22 19:31:37.024909', 0, 'mara', 'Mara K', '', '', 0, 1, '2026-11-22 19:31:36.839545', 'editor', 0);
CREATE TABLE "ade_user_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "ade_user" ("id") DEFERRABLE INITIALLY DEFERRED, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "ade_user_user_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "ade_user" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "agents_agent" ("seq" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "public_id" text NOT NULL, "name" text NOT NULL, "name_folded" text NOT NULL, "description" text NULL, "model" text NOT NULL, "embedding" text NULL, "context_window_limit" integer unsigned NULL CHECK ("context_window_limit" >= 0), "created_at" datetime NOT NULL, "updated_at" datetime NOT NULL, "version" bigint unsigned NOT NULL CHECK ("version" >= 0), "tag_count" integer unsigned NOT NULL CHECK ("tag_count" >= 0), "user_tag_count" integer unsigned NOT NULL CHECK ("user_tag_count" >= 0), CONSTRAINT "agent_public_id_is_unique" UNIQUE ("public_id"), CONSTRAINT "agent_user_tags_are_tags" CHECK ("user_tag_count" <= ("tag_count")));
INSERT INTO "agents_agent" ("seq", "public_id", "name", "name_folded", "description", "model", "embedding", "context_window_limit", "created_at", "updated_at", "version", "tag_count", "user_tag_count") VALUES
(872849967190197512, 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'nova · support', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-10-02 09:55:36.521044', '2026-11-16 09:55:36.521044', 2, 6, 1),
(874392356950197513, 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'penny · billing', 'Explains invoices and watches for failed payments', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-10-06 18:31:36.521044', '2026-11-16 09:55:36.521044', 2, 6, 1),
(875934746710197514, 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'juno · support', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-10-11 03:07:36.521044', '2026-11-22 19:31:37.076891', 3, 6, 1),
(877477136470197515, 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'bolt · code review', 'Reads merge requests and points out what may break', 'anthropic/claude-sonnet-4-5-20250929', 'openai/text-embedding-3-small', 200000, '2026-10-15 11:43:36.521044', '2026-11-22 19:31:37.076891', 3, 6, 1),
(879019526230197516, 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'hedda · support', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-10-19 20:19:36.521044', '2026-11-22 19:31:37.076891', 4, 6, 1),
(880561915990197517, 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'lark · tutor', 'Practises a language, one short talk a day', 'google_ai/gemini-2.5-flash', 'openai/text-embedding-3-small', 128000, '2026-10-24 04:55:36.521044', '2026-11-22 19:31:37.076891', 3, 6, 1),
(882104305750197518, 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'enzo · support', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-10-28 13:31:36.521044', '2026-11-22 19:31:37.076891', 3, 6, 1),
(883749914710197519, 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'curie · research', 'Reads sources, keeps notes, answers with references', 'anthropic/claude-sonnet-4-5-20250929', 'openai/text-embedding-3-small', 200000, '2026-11-02 05:07:36.521044', '2026-11-22 19:31:37.076891', 3, 7, 1),
(885292304470197520, 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'kranz · support', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-11-06 13:43:36.521044', '2026-11-22 19:31:37.076891', 4, 6, 1),
(886834694230197521, 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'prompt playground', 'Practises a language, one short talk a day', 'google_ai/gemini-2.5-flash', 'openai/text-embedding-3-small', 128000, '2026-11-10 22:19:36.521044', '2026-11-22 19:31:37.076891', 3, 5, 0),
(888377083990197522, 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'shared digest', 'Sums up the day''s messages every evening', 'groq/llama-3.3-70b-versatile', 'openai/text-embedding-3-small', 64000, '2026-11-15 06:55:36.521044', '2026-11-22 19:31:37.076891', 3, 5, 1),
(889919473750197523, 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'winter sale helper', 'Answers questions about orders, deliveries and returns', 'openai/gpt-4o-mini', 'openai/text-embedding-3-small', 32000, '2026-11-19 15:31:36.521044', '2026-11-22 19:31:37.076891', 3, 7, 1),
(891040141421516052, 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'upgraded', NULL, 'openai/gpt-4o', NULL, NULL, '2026-11-22 19:31:37.026737', '2026-11-22 19:31:37.076891', 6, 9, 0),
(891040141501805846, 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'one', NULL, 'a/b', NULL, NULL, '2026-11-22 19:31:37.046339', '2026-11-22 19:31:37.085969', 3, 2, 1),
(891040141509526807, 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'two', NULL, 'a/b', NULL, NULL, '2026-11-22 19:31:37.048224', '2026-11-22 19:31:37.085969', 3, 2, 1),
(891040141563286808, 'agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4', 'leaving', 'leaving', NULL, 'a/b', NULL, NULL, '2026-11-22 19:31:37.061349', '2026-11-22 19:31:37.076891', 3, 1, 0);
CREATE VIRTUAL TABLE agents_agent_search USING fts5 (folded, tokenize = 'trigram case_sensitive 1');
INSERT INTO "agents_agent_search" ("rowid", "folded") VALUES
(872849967190197512, 'nova · support'),
(874392356950197513, 'penny · billing'),
(875934746710197514, 'juno · support'),
(877477136470197515, 'bolt · code review'),
(879019526230197516, 'hedda · support'),
(880561915990197517, 'lark · tutor'),
(882104305750197518, 'enzo · support'),
(883749914710197519, 'curie · research'),
(885292304470197520, 'kranz · support'),
(886834694230197521, 'prompt playground'),
(888377083990197522, 'shared digest'),
(889919473750197523, 'winter sale helper'),
(891040141421516052, 'upgraded'),
(891040141501805846, 'one'),
(891040141509526807, 'two'),
(891040141563286808, 'leaving');
CREATE TABLE "agents_agentblock" ("label" text NOT NULL, "agent_id" bigint NOT NULL REFERENCES "agents_agent" ("seq") DEFERRABLE INITIALLY DEFERRED, "block_id" bigint NOT NULL REFERENCES "agents_block" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "agent_block_label_is_unique" UNIQUE ("agent_id", "label"), PRIMARY KEY ("agent_id", "block_id"));
INSERT INTO "agents_agentblock" ("label", "agent_id", "block_id") VALUES
('human', 872849967190197512, 1),
('persona', 872849967190197512, 2),
('company', 872849967190197512, 3),
('human', 874392356950197513, 4),
('persona', 874392356950197513, 5),
('company', 874392356950197513, 3),
('human', 875934746710197514, 6),
('persona', 875934746710197514, 7),
('company', 875934746710197514, 3),
('human', 877477136470197515, 8),
('persona', 877477136470197515, 9),
('company', 877477136470197515, 3),
('human', 879019526230197516, 10),
('persona', 879019526230197516, 11),
('company', 879019526230197516, 3),
('human', 880561915990197517, 12),
('persona', 880561915990197517, 13),
('company', 880561915990197517, 3),
('human', 882104305750197518, 14),
('persona', 882104305750197518, 15),
('company', 882104305750197518, 3),
('human', 883749914710197519, 16),
('persona', 883749914710197519, 17),
('company', 883749914710197519, 3),
('human', 885292304470197520, 18),
('persona', 885292304470197520, 19),
('company', 885292304470197520, 3),
('human', 886834694230197521, 20),
('persona', 886834694230197521, 21),
('company', 886834694230197521, 3),
('human', 888377083990197522, 22),
('persona', 888377083990197522, 23),
('company', 888377083990197522, 3),
('human', 889919473750197523, 24),
('persona', 889919473750197523, 25),
('company', 889919473750197523, 3),
('human', 891040141421516052, 26);
CREATE TABLE "agents_agentdetail" ("agent_id" bigint NOT NULL PRIMARY KEY REFERENCES "agents_agent" ("seq") DEFERRABLE INITIALLY DEFERRED, "system" text NOT NULL, "llm_config" text NOT NULL, "embedding_config" text NOT NULL, "metadata" text NOT NULL, "extra" text NOT NULL, "imported_from" text NULL);
INSERT INTO "agents_agentdetail" ("agent_id", "system", "llm_config", "embedding_config", "metadata", "extra", "imported_from") VALUES
(872849967190197512, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(874392356950197513, 'You are the billing agent. Explain each line of an invoice in plain words. You see amounts and dates, never card numbers; if someone sends one, ask them to delete it. Raise anything about fraud with a person at once.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(875934746710197514, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(877477136470197515, 'You review code. Say first what the change does. Then name at most five problems, the worst first, each with the line and a way out. Do not comment on style that a formatter settles.', '{"model_endpoint_type":"anthropic","model_endpoint":null,"provider_name":"anthropic","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"claude-sonnet-4-5-20250929","context_window":200000,"handle":"anthropic/claude-sonnet-4-5-20250929"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(879019526230197516, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(880561915990197517, 'You are a patient language tutor. Speak the learner''s target language, fall back to their own only when they are stuck. Correct at most two mistakes a message. Keep the words they find hard in your notes block and bring them up again.', '{"model_endpoint_type":"google_ai","model_endpoint":null,"provider_name":"google_ai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gemini-2.5-flash","context_window":128000,"handle":"google_ai/gemini-2.5-flash"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(882104305750197518, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(883749914710197519, 'You are a research assistant. Work in small steps: restate the question, list what is known, search, then answer. Give a source for every claim, and say plainly where the sources disagree or are silent. Keep open questions in your notes block.', '{"model_endpoint_type":"anthropic","model_endpoint":null,"provider_name":"anthropic","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"claude-sonnet-4-5-20250929","context_window":200000,"handle":"anthropic/claude-sonnet-4-5-20250929"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(885292304470197520, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(886834694230197521, 'You are a patient language tutor. Speak the learner''s target language, fall back to their own only when they are stuck. Correct at most two mistakes a message. Keep the words they find hard in your notes block and bring them up again.', '{"model_endpoint_type":"google_ai","model_endpoint":null,"provider_name":"google_ai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gemini-2.5-flash","context_window":128000,"handle":"google_ai/gemini-2.5-flash"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(888377083990197522, 'You write an evening digest. Five points at most, each one sentence, each with a link. Leave out greetings and jokes. If nothing mattered today, say so.', '{"model_endpoint_type":"groq","model_endpoint":null,"provider_name":"groq","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"llama-3.3-70b-versatile","context_window":64000,"handle":"groq/llama-3.3-70b-versatile"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(889919473750197523, 'You are the support agent of a shop for outdoor gear. Find the order before you answer. Be brief and kind. You may offer a return; you may never promise a refund: hand those cases to a colleague. Write what you learn about the customer into the human block.', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o-mini","context_window":32000,"handle":"openai/gpt-4o-mini"}', '{"embedding_endpoint_type":"openai","embedding_endpoint":null,"embedding_dim":1536,"embedding_chunk_size":300,"batch_size":32,"embedding_model":"text-embedding-3-small","handle":"openai/text-embedding-3-small"}', '{"demo":true}', '{}', NULL),
(891040141421516052, '', '{"model_endpoint_type":"openai","model_endpoint":null,"provider_name":"openai","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"gpt-4o","context_window":128000,"handle":"openai/gpt-4o"}', 'null', 'null', '{}', NULL),
(891040141501805846, '', '{"model_endpoint_type":"a","model_endpoint":null,"provider_name":"a","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"b","context_window":128000,"handle":"a/b"}', 'null', 'null', '{}', NULL),
(891040141509526807, '', '{"model_endpoint_type":"a","model_endpoint":null,"provider_name":"a","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"b","context_window":128000,"handle":"a/b"}', 'null', 'null', '{}', NULL),
(891040141563286808, '', '{"model_endpoint_type":"a","model_endpoint":null,"provider_name":"a","provider_category":"base","model_wrapper":null,"put_inner_thoughts_in_kwargs":false,"temperature":1.0,"max_tokens":null,"enable_reasoner":false,"reasoning_effort":null,"max_reasoning_tokens":0,"model":"b","context_window":128000,"handle":"a/b"}', 'null', 'null', '{}', NULL);
CREATE TABLE "agents_agentidentity" ("identity_id" bigint NOT NULL REFERENCES "agents_identity" ("id") DEFERRABLE INITIALLY DEFERRED, "agent_id" bigint NOT NULL REFERENCES "agents_agent" ("seq") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "agent_identity_by_agent" UNIQUE ("agent_id", "identity_id"), PRIMARY KEY ("identity_id", "agent_id"));
INSERT INTO "agents_agentidentity" ("identity_id", "agent_id") VALUES
(1, 891040141421516052);
CREATE TABLE "agents_agenttag" ("added_at" datetime NOT NULL, "change_set_id" bigint NOT NULL, "agent_id" bigint NOT NULL REFERENCES "agents_agent" ("seq") DEFERRABLE INITIALLY DEFERRED, "tag_id" bigint NOT NULL REFERENCES "agents_tag" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "agent_tag_by_agent" UNIQUE ("agent_id", "tag_id"), PRIMARY KEY ("tag_id", "agent_id"));
INSERT INTO "agents_agenttag" ("added_at", "change_set_id", "agent_id", "tag_id") VALUES
('2026-10-02 09:55:36.521044', 1, 872849967190197512, 5),
('2026-10-02 09:55:36.521044', 1, 872849967190197512, 4),
('2026-10-02 09:55:36.521044', 1, 872849967190197512, 1),
('2026-10-02 09:55:36.521044', 1, 872849967190197512, 2),
('2026-10-02 09:55:36.521044', 1, 872849967190197512, 3),
('2026-10-06 18:31:36.521044', 2, 874392356950197513, 5),
('2026-10-06 18:31:36.521044', 2, 874392356950197513, 4),
('2026-10-06 18:31:36.521044', 2, 874392356950197513, 1),
('2026-10-06 18:31:36.521044', 2, 874392356950197513, 2),
('2026-10-06 18:31:36.521044', 2, 874392356950197513, 6),
('2026-10-11 03:07:36.521044', 3, 875934746710197514, 9),
('2026-10-11 03:07:36.521044', 3, 875934746710197514, 1),
('2026-10-11 03:07:36.521044', 3, 875934746710197514, 7),
('2026-10-11 03:07:36.521044', 3, 875934746710197514, 3),
('2026-10-15 11:43:36.521044', 4, 877477136470197515, 12),
('2026-10-15 11:43:36.521044', 4, 877477136470197515, 4),
('2026-10-15 11:43:36.521044', 4, 877477136470197515, 2),
('2026-10-15 11:43:36.521044', 4, 877477136470197515, 11),
('2026-10-19 20:19:36.521044', 5, 879019526230197516, 15),
('2026-10-19 20:19:36.521044', 5, 879019526230197516, 14),
('2026-10-19 20:19:36.521044', 5, 879019526230197516, 1),
('2026-10-19 20:19:36.521044', 5, 879019526230197516, 13),
('2026-10-19 20:19:36.521044', 5, 879019526230197516, 3),
('2026-10-24 04:55:36.521044', 6, 880561915990197517, 19),
('2026-10-24 04:55:36.521044', 6, 880561915990197517, 1),
('2026-10-24 04:55:36.521044', 6, 880561915990197517, 16),
('2026-10-24 04:55:36.521044', 6, 880561915990197517, 17),
('2026-10-28 13:31:36.521044', 7, 882104305750197518, 19),
('2026-10-28 13:31:36.521044', 7, 882104305750197518, 1),
('2026-10-28 13:31:36.521044', 7, 882104305750197518, 16),
('2026-10-28 13:31:36.521044', 7, 882104305750197518, 3),
('2026-11-02 05:07:36.521044', 8, 883749914710197519, 22),
('2026-11-02 05:07:36.521044', 8, 883749914710197519, 4),
('2026-11-02 05:07:36.521044', 8, 883749914710197519, 1),
('2026-11-02 05:07:36.521044', 8, 883749914710197519, 20),
('2026-11-02 05:07:36.521044', 8, 883749914710197519, 21),
('2026-11-06 13:43:36.521044', 9, 885292304470197520, 23),
('2026-11-06 13:43:36.521044', 9, 885292304470197520, 8),
('2026-11-06 13:43:36.521044', 9, 885292304470197520, 1),
('2026-11-06 13:43:36.521044', 9, 885292304470197520, 13),
('2026-11-06 13:43:36.521044', 9, 885292304470197520, 3),
('2026-11-10 22:19:36.521044', 10, 886834694230197521, 24),
('2026-11-10 22:19:36.521044', 10, 886834694230197521, 25),
('2026-11-10 22:19:36.521044', 10, 886834694230197521, 17),
('2026-11-15 06:55:36.521044', 11, 888377083990197522, 26),
('2026-11-15 06:55:36.521044', 11, 888377083990197522, 1),
('2026-11-15 06:55:36.521044', 11, 888377083990197522, 2),
('2026-11-15 06:55:36.521044', 11, 888377083990197522, 21),
('2026-11-16 09:55:36.521044', 12, 872849967190197512, 28),
('2026-11-16 09:55:36.521044', 13, 874392356950197513, 28),
('2026-11-16 21:55:36.521044', 14, 875934746710197514, 14),
('2026-11-17 14:43:36.521044', 15, 877477136470197515, 1),
('2026-11-18 17:07:36.521044', 17, 886834694230197521, 30),
('2026-11-19 05:07:36.521044', 18, 880561915990197517, 8),
('2026-11-19 05:07:36.521044', 19, 882104305750197518, 8),
('2026-11-19 15:31:36.521044', 20, 889919473750197523, 5),
('2026-11-19 15:31:36.521044', 20, 889919473750197523, 1),
('2026-11-19 15:31:36.521044', 20, 889919473750197523, 2),
('2026-11-19 15:31:36.521044', 20, 889919473750197523, 31),
('2026-11-19 15:31:36.521044', 20, 889919473750197523, 3),
('2026-11-21 02:43:36.521044', 23, 889919473750197523, 32),
('2026-11-21 17:07:36.521044', 24, 883749914710197519, 33),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 38),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 41),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 34),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 36),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 35),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 40),
('2026-11-22 19:31:37.026737', 27, 891040141421516052, 39),
('2026-11-22 19:31:37.039572', 31, 891040141421516052, 44),
('2026-11-22 19:31:37.046339', 37, 891040141501805846, 46),
('2026-11-22 19:31:37.048224', 38, 891040141509526807, 46),
('2026-11-22 19:31:37.076119', 45, 891040141563286808, 48),
('2026-11-22 19:31:37.076119', 45, 891040141421516052, 48),
('2026-11-22 19:31:37.076119', 45, 889919473750197523, 48),
('2026-11-22 19:31:37.076119', 45, 888377083990197522, 48),
('2026-11-22 19:31:37.076119', 45, 886834694230197521, 48),
('2026-11-22 19:31:37.076119', 45, 885292304470197520, 48),
('2026-11-22 19:31:37.076119', 45, 883749914710197519, 48),
('2026-11-22 19:31:37.076119', 45, 882104305750197518, 48),
('2026-11-22 19:31:37.076119', 45, 880561915990197517, 48),
('2026-11-22 19:31:37.076119', 45, 879019526230197516, 48),
('2026-11-22 19:31:37.076119', 45, 877477136470197515, 48),
('2026-11-22 19:31:37.076119', 45, 875934746710197514, 48),
('2026-11-22 19:31:37.085012', 46, 891040141501805846, 49),
('2026-11-22 19:31:37.085012', 46, 891040141509526807, 49);
CREATE TABLE "agents_apikey" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "key_id" text NOT NULL, "digest" BLOB NOT NULL, "name" text NOT NULL, "scope" varchar(16) NOT NULL, "limit_tag" text NULL, "may_tag" text NOT NULL, "created_at" datetime NOT NULL, "created_by" text NOT NULL, "expires_at" datetime NULL, "disabled_at" datetime NULL, "last_used_at" datetime NULL, CONSTRAINT "key_id_is_unique" UNIQUE ("key_id"), CONSTRAINT "key_scope_is_known" CHECK ("scope" IN ('read', 'write', 'manage')));
INSERT INTO "agents_apikey" ("id", "key_id", "digest", "name", "scope", "limit_tag", "may_tag", "created_at", "created_by", "expires_at", "disabled_at", "last_used_at") VALUES
(1, '45fc5f3966d3', X'7CB9F0631840A2937DEABB9E66E42967BC55E909E3152D1582CDDB5C217C05A8', 'full', 'manage', NULL, '[]', '2026-11-22 19:31:37.043381', 'Mara K', NULL, NULL, NULL),
(2, '677ca49ffb87', X'2F54704467F2F61B40F346FF4D750F3EAE1CB99747FA32F3F377EF5F2273166E', 'limited', 'write', 'user_after', '["mood:*"]', '2026-11-22 19:31:37.044074', 'Mara K', NULL, NULL, NULL),
(3, 'd5a28a0351c7', X'B3CF99C2AFA59CB9C4E16BEAAA024432BF62EE12DCFE9F4C2CDA240B13D72D15', 'ended', 'write', NULL, '[]', '2026-11-22 19:31:37.044509', 'Mara K', NULL, '2026-11-22 19:31:37.045331', NULL);
CREATE TABLE "agents_block" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "public_id" text NOT NULL, "label" text NOT NULL, "value" text NOT NULL, "limit" integer unsigned NOT NULL CHECK ("limit" >= 0), "description" text NULL, "read_only" bool NOT NULL, "metadata" text NOT NULL, "extra" text NOT NULL, "created_at" datetime NOT NULL, "updated_at" datetime NOT NULL, CONSTRAINT "block_public_id_is_unique" UNIQUE ("public_id"));
INSERT INTO "agents_block" ("id", "public_id", "label", "value", "limit", "description", "read_only", "metadata", "extra", "created_at", "updated_at") VALUES
(1, 'block-113d7026-6284-4fd4-b415-a11735ef5fd4', 'human', 'Known to the application as user_1. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-02 09:55:36.521044', '2026-10-02 09:55:36.521044'),
(2, 'block-1d67578b-54c6-435b-a484-e565273b20d1', 'persona', 'I am Nova. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-02 09:55:36.521044', '2026-10-02 09:55:36.521044'),
(3, 'block-72729b84-761d-4975-b138-d5053e85bb0d', 'company', 'We sell outdoor gear in eleven countries. Returns are free for 60 days.', 2000, NULL, 0, '{"demo":true}', '{}', '2026-10-02 09:55:36.521044', '2026-10-02 09:55:36.521044'),
(4, 'block-865dbf08-7637-4221-990a-e48f6c0edd5e', 'human', 'Known to the application as user_1. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-06 18:31:36.521044', '2026-10-06 18:31:36.521044'),
(5, 'block-3d48a9f5-8732-4db0-8eeb-1f93bc375e19', 'persona', 'I am Penny. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-06 18:31:36.521044', '2026-10-06 18:31:36.521044'),
(6, 'block-8e0d5b08-9dd4-45a3-a6dc-0961ab6a315d', 'human', 'Known to the application as user_4. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-11 03:07:36.521044', '2026-10-11 03:07:36.521044'),
(7, 'block-057346ed-23b4-481c-8349-9e63d7ecef90', 'persona', 'I am Juno. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-11 03:07:36.521044', '2026-10-11 03:07:36.521044'),
(8, 'block-5f1cab0f-bad9-4699-9f89-410aa7ab260d', 'human', 'Known to the application as user_5. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-15 11:43:36.521044', '2026-10-15 11:43:36.521044'),
(9, 'block-fc2337fd-cb9e-479c-82f5-f8f6b2153d92', 'persona', 'I am Bolt. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-15 11:43:36.521044', '2026-10-15 11:43:36.521044'),
(10, 'block-b0c50cda-a2c4-4e52-867a-df9b6afbe0e0', 'human', 'Known to the application as user_7. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-19 20:19:36.521044', '2026-10-19 20:19:36.521044'),
(11, 'block-bd87a2fd-1007-41b8-b89e-28e91d7dbe49', 'persona', 'I am Hedda. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-19 20:19:36.521044', '2026-10-19 20:19:36.521044'),
(12, 'block-b51f58a0-2d8f-4316-a51d-c07860f4bd6f', 'human', 'Known to the application as user_12. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-24 04:55:36.521044', '2026-10-24 04:55:36.521044'),
(13, 'block-7da306bf-8990-44b9-9713-99a285db2e1a', 'persona', 'I am Lark. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-24 04:55:36.521044', '2026-10-24 04:55:36.521044'),
(14, 'block-79319702-9765-4839-96e3-cbca61485838', 'human', 'Known to the application as user_12. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-10-28 13:31:36.521044', '2026-10-28 13:31:36.521044'),
(15, 'block-e36a29aa-73cd-4ab1-b953-118336b6ee68', 'persona', 'I am Enzo. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-10-28 13:31:36.521044', '2026-10-28 13:31:36.521044'),
(16, 'block-69466ac9-b4c6-40fc-863b-1d96f70bcf3d', 'human', 'Known to the application as user_marie. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-11-02 05:07:36.521044', '2026-11-02 05:07:36.521044'),
(17, 'block-d0d26411-fe83-4d4e-825c-56fafe214343', 'persona', 'I am Curie. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-11-02 05:07:36.521044', '2026-11-02 05:07:36.521044'),
(18, 'block-caa962a0-8776-46a9-830e-572642e01c09', 'human', 'Known to the application as user:4711. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-11-06 13:43:36.521044', '2026-11-06 13:43:36.521044'),
(19, 'block-c5ed3740-1f1f-4fc3-b49c-9dc3353af7eb', 'persona', 'I am Kranz. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-11-06 13:43:36.521044', '2026-11-06 13:43:36.521044'),
(20, 'block-58a32cc7-3521-40a0-bacc-e9f4780b9570', 'human', 'Nobody yet. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-11-10 22:19:36.521044', '2026-11-10 22:19:36.521044'),
(21, 'block-1b1e39cc-6eb7-4402-b987-2a8e9f30c32b', 'persona', 'I am Prompt playground. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-11-10 22:19:36.521044', '2026-11-10 22:19:36.521044'),
(22, 'block-6e50e892-ca95-44a0-918f-0bc998d8b4a0', 'human', 'Known to the application as user_2. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-11-15 06:55:36.521044', '2026-11-15 06:55:36.521044'),
(23, 'block-562d4fad-2557-4470-8c04-abe49363c08f', 'persona', 'I am Shared digest. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-11-15 06:55:36.521044', '2026-11-15 06:55:36.521044'),
(24, 'block-1e1962c8-5601-4abc-a42d-37ae06bf9276', 'human', 'Known to the application as user_1. Prefers short answers.', 5000, NULL, 0, '{}', '{}', '2026-11-19 15:31:36.521044', '2026-11-19 15:31:36.521044'),
(25, 'block-08ddccc5-c914-467c-8b1a-dff39a0c89e4', 'persona', 'I am Winter sale helper. I am calm, exact and brief.', 5000, NULL, 0, '{}', '{}', '2026-11-19 15:31:36.521044', '2026-11-19 15:31:36.521044'),
(26, 'block-1d661d9f-2c5c-496c-8288-ce99018ba4eb', 'human', 'They like tea.', 2000, NULL, 0, '{}', '{}', '2026-11-22 19:31:37.026737', '2026-11-22 19:31:37.026737');
CREATE TABLE "agents_bulkbatch" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer unsigned NOT NULL CHECK ("number" >= 0), "items" text NOT NULL, "left" text NOT NULL, "plan_id" char(32) NOT NULL REFERENCES "agents_bulkplan" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "bulk_batch_is_unique" UNIQUE ("plan_id", "number"));
INSERT INTO "agents_bulkbatch" ("id", "number", "items", "left", "plan_id") VALUES
(1, 0, '[891040141563286808,891040141421516052,889919473750197523,888377083990197522,886834694230197521,885292304470197520,883749914710197519,882104305750197518,880561915990197517,879019526230197516,877477136470197515,875934746710197514]', '[]', '24d529a68139494abee7c6b395207bac'),
(2, 0, '[891040141563286808,891040141421516052,889919473750197523,888377083990197522,886834694230197521,885292304470197520,883749914710197519,882104305750197518,880561915990197517,879019526230197516,877477136470197515,875934746710197514]', '[]', 'd48a208f4edc48bdad61a8a7734cf33d');
CREATE TABLE "agents_bulkplan" ("id" char(32) NOT NULL PRIMARY KEY, "op" varchar(16) NOT NULL, "add" text NOT NULL, "remove" text NOT NULL, "wanted" text NOT NULL, "query" text NOT NULL, "excluded" text NOT NULL, "reason" text NOT NULL, "actor" text NOT NULL, "actor_id" text NOT NULL, "actor_name" text NOT NULL, "state" varchar(16) NOT NULL, "matched" integer unsigned NOT NULL CHECK ("matched" >= 0), "planned" text NOT NULL, "sample" text NOT NULL, "difference" text NOT NULL, "refused" text NOT NULL, "next_batch" integer unsigned NOT NULL CHECK ("next_batch" >= 0), "looked" integer unsigned NOT NULL CHECK ("looked" >= 0), "changed" integer unsigned NOT NULL CHECK ("changed" >= 0), "change_set_id" bigint NULL, "undoes" bigint NULL, "problem" text NOT NULL, "created_at" datetime NOT NULL, "started_at" datetime NULL, "beat_at" datetime NULL, "finished_at" datetime NULL);
INSERT INTO "agents_bulkplan" ("id", "op", "add", "remove", "wanted", "query", "excluded", "reason", "actor", "actor_id", "actor_name", "state", "matched", "planned", "sample", "difference", "refused", "next_batch", "looked", "changed", "change_set_id", "undoes", "problem", "created_at", "started_at", "beat_at", "finished_at") VALUES
('24d529a68139494abee7c6b395207bac', 'add', '["bulk"]', '[]', '{"any":[],"all":[],"none":["vip"],"untagged":false,"userless":false,"two_users":false,"q":"","name":null,"models":[],"ids":null,"identities":null}', '', '[]', 'a bulk change', '{"kind":"person","id":"person:2","name":"Mara K","source":"bulk","powers":["admin","manage","read","write"],"limit":null,"may_tag":[]}', 'person:2', 'Mara K', 'done', 12, '{"change":12}', '[{"id":"agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4","name":"leaving","words":["+bulk"]},{"id":"agent-2ed6e467-6686-4a02-b568-4784831962ce","name":"Upgraded","words":["+bulk"]},{"id":"agent-c762db8d-b671-4255-aae4-9df0f166e990","name":"Winter sale helper","words":["+bulk"]},{"id":"agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599","name":"Shared digest","words":["+bulk"]},{"id":"agent-6cd42ee7-5792-4016-99e6-c2979b5e939e","name":"Prompt playground","words":["+bulk"]},{"id":"agent-47b3937f-b43e-4194-a65c-5c02953b6448","name":"Kranz · Support","words":["+bulk"]},{"id":"agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31","name":"Curie · Research","words":["+bulk"]},{"id":"agent-da456032-740b-42df-8ee1-fc92ed72b8fb","name":"Enzo · Support","words":["+bulk"]},{"id":"agent-0b097017-693c-4b1b-8559-3d1b0dbc2824","name":"Lark · Tutor","words":["+bulk"]},{"id":"agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20","name":"Hedda · Support","words":["+bulk"]},{"id":"agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f","name":"Bolt · Code review","words":["+bulk"]},{"id":"agent-76852030-5aba-45d1-8126-8406551d21fa","name":"Juno · Support","words":["+bulk"]}]', 'null', '[]', 1, 12, 12, 45, NULL, '', '2026-11-22 19:31:37.069603', '2026-11-22 19:31:37.073612', '2026-11-22 19:31:37.078584', '2026-11-22 19:31:37.078584'),
('d48a208f4edc48bdad61a8a7734cf33d', 'remove', '[]', '["bulk"]', '{"any":["bulk"],"all":[],"none":[],"untagged":false,"userless":false,"two_users":false,"q":"","name":null,"models":[],"ids":null,"identities":null}', '', '[]', '', '{"kind":"person","id":"person:2","name":"Mara K","source":"bulk","powers":["admin","manage","read","write"],"limit":null,"may_tag":[]}', 'person:2', 'Mara K', 'planned', 12, '{"change":12}', '[{"id":"agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4","name":"leaving","words":["-bulk"]},{"id":"agent-2ed6e467-6686-4a02-b568-4784831962ce","name":"Upgraded","words":["-bulk"]},{"id":"agent-c762db8d-b671-4255-aae4-9df0f166e990","name":"Winter sale helper","words":["-bulk"]},{"id":"agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599","name":"Shared digest","words":["-bulk"]},{"id":"agent-6cd42ee7-5792-4016-99e6-c2979b5e939e","name":"Prompt playground","words":["-bulk"]},{"id":"agent-47b3937f-b43e-4194-a65c-5c02953b6448","name":"Kranz · Support","words":["-bulk"]},{"id":"agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31","name":"Curie · Research","words":["-bulk"]},{"id":"agent-da456032-740b-42df-8ee1-fc92ed72b8fb","name":"Enzo · Support","words":["-bulk"]},{"id":"agent-0b097017-693c-4b1b-8559-3d1b0dbc2824","name":"Lark · Tutor","words":["-bulk"]},{"id":"agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20","name":"Hedda · Support","words":["-bulk"]},{"id":"agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f","name":"Bolt · Code review","words":["-bulk"]},{"id":"agent-76852030-5aba-45d1-8126-8406551d21fa","name":"Juno · Support","words":["-bulk"]}]', 'null', '[]', 0, 0, 0, NULL, NULL, '', '2026-11-22 19:31:37.079156', NULL, NULL, NULL);
CREATE TABLE "agents_change" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "op" varchar(8) NOT NULL, "agent_id" text NULL, "agent_name" text NULL, "tag" text NULL, "field" varchar(64) NOT NULL, "old" text NULL, "new" text NULL, "change_set_id" bigint NOT NULL REFERENCES "agents_changeset" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "agents_change" ("id", "op", "agent_id", "agent_name", "tag", "field", "old", "new", "change_set_id") VALUES
(1, 'create', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', NULL, '', NULL, NULL, 1),
(2, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'user_1', '', NULL, NULL, 1),
(3, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'tier:gold', '', NULL, NULL, 1),
(4, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'env:prod', '', NULL, NULL, 1),
(5, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'lang:en', '', NULL, NULL, 1),
(6, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'team:care', '', NULL, NULL, 1),
(7, 'create', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', NULL, '', NULL, NULL, 2),
(8, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'user_1', '', NULL, NULL, 2),
(9, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'tier:gold', '', NULL, NULL, 2),
(10, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'env:prod', '', NULL, NULL, 2),
(11, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'lang:en', '', NULL, NULL, 2),
(12, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'team:finance', '', NULL, NULL, 2),
(13, 'create', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', NULL, '', NULL, NULL, 3),
(14, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'user_4', '', NULL, NULL, 3),
(15, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'tier:free', '', NULL, NULL, 3),
(16, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'env:prod', '', NULL, NULL, 3),
(17, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'lang:es', '', NULL, NULL, 3),
(18, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'team:care', '', NULL, NULL, 3),
(19, 'create', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', NULL, '', NULL, NULL, 4),
(20, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'user_5', '', NULL, NULL, 4),
(21, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'tier:gold', '', NULL, NULL, 4),
(22, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'env:staging', '', NULL, NULL, 4),
(23, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'lang:en', '', NULL, NULL, 4),
(24, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'team:platform', '', NULL, NULL, 4),
(25, 'create', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', NULL, '', NULL, NULL, 5),
(26, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'user_7', '', NULL, NULL, 5),
(27, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'tier:silver', '', NULL, NULL, 5),
(28, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'env:prod', '', NULL, NULL, 5),
(29, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'lang:de', '', NULL, NULL, 5),
(30, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'team:care', '', NULL, NULL, 5),
(31, 'create', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', NULL, '', NULL, NULL, 6),
(32, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'user_12', '', NULL, NULL, 6),
(33, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'tier:trial', '', NULL, NULL, 6),
(34, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'env:prod', '', NULL, NULL, 6),
(35, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'lang:it', '', NULL, NULL, 6),
(36, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'team:learning', '', NULL, NULL, 6),
(37, 'create', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', NULL, '', NULL, NULL, 7),
(38, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'user_12', '', NULL, NULL, 7),
(39, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'tier:trial', '', NULL, NULL, 7),
(40, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'env:prod', '', NULL, NULL, 7),
(41, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'lang:it', '', NULL, NULL, 7),
(42, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'team:care', '', NULL, NULL, 7),
(43, 'create', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', NULL, '', NULL, NULL, 8),
(44, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'user_marie', '', NULL, NULL, 8),
(45, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'tier:gold', '', NULL, NULL, 8),
(46, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'env:prod', '', NULL, NULL, 8),
(47, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'lang:pl', '', NULL, NULL, 8),
(48, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'team:insight', '', NULL, NULL, 8),
(49, 'create', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', NULL, '', NULL, NULL, 9),
(50, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'user:4711', '', NULL, NULL, 9),
(51, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'tier:free', '', NULL, NULL, 9),
(52, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'env:prod', '', NULL, NULL, 9),
(53, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'lang:de', '', NULL, NULL, 9),
(54, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'team:care', '', NULL, NULL, 9),
(55, 'create', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', NULL, '', NULL, NULL, 10),
(56, 'add', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'env:dev', '', NULL, NULL, 10),
(57, 'add', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'experiment', '', NULL, NULL, 10),
(58, 'add', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'team:learning', '', NULL, NULL, 10),
(59, 'create', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', NULL, '', NULL, NULL, 11),
(60, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'user_2', '', NULL, NULL, 11),
(61, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'env:prod', '', NULL, NULL, 11),
(62, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'lang:en', '', NULL, NULL, 11),
(63, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'user_3', '', NULL, NULL, 11),
(64, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'team:insight', '', NULL, NULL, 11),
(65, 'add', 'agent-eb41a3c4-161c-4a93-a433-a3db6f1998db', 'Nova · Support', 'vip', '', NULL, NULL, 12),
(66, 'add', 'agent-7f1f340c-0a1c-4144-b97f-bdaf5390f2eb', 'Penny · Billing', 'vip', '', NULL, NULL, 13),
(67, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'tier:silver', '', NULL, NULL, 14),
(68, 'remove', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'tier:free', '', NULL, NULL, 14),
(69, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'env:prod', '', NULL, NULL, 15),
(70, 'remove', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'env:staging', '', NULL, NULL, 15),
(71, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'needs-review', '', NULL, NULL, 16),
(72, 'add', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'owner:jiwoo', '', NULL, NULL, 17),
(73, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'tier:free', '', NULL, NULL, 18),
(74, 'remove', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'tier:trial', '', NULL, NULL, 18),
(75, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'tier:free', '', NULL, NULL, 19),
(76, 'remove', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'tier:trial', '', NULL, NULL, 19),
(77, 'create', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', NULL, '', NULL, NULL, 20),
(78, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'user_1', '', NULL, NULL, 20),
(79, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'env:prod', '', NULL, NULL, 20),
(80, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'lang:en', '', NULL, NULL, 20),
(81, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'campaign:winter-sale', '', NULL, NULL, 20),
(82, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'team:care', '', NULL, NULL, 20),
(83, 'remove', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'needs-review', '', NULL, NULL, 21),
(84, 'remove', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'user_3', '', NULL, NULL, 22),
(85, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'frozen', '', NULL, NULL, 23),
(86, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'beta', '', NULL, NULL, 24),
(87, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'vip', '', NULL, NULL, 25),
(88, 'remove', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'vip', '', NULL, NULL, 26),
(89, 'create', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', NULL, '', NULL, NULL, 27),
(90, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', 'a, b', '', NULL, NULL, 27),
(91, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', 'Ünïcode ☃', '', NULL, NULL, 27),
(92, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', ' spaces ', '', NULL, NULL, 27),
(93, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', '../up', '', NULL, NULL, 27),
(94, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', '''quoted"', '', NULL, NULL, 27),
(95, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', 'line
break', '', NULL, NULL, 27),
(96, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', 'Case', '', NULL, NULL, 27),
(97, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgrade me', 'case', '', NULL, NULL, 27),
(98, 'create', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', NULL, '', NULL, NULL, 28),
(99, 'add', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', 'erased-1', '', NULL, NULL, 28),
(100, 'add', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', 'vip', '', NULL, NULL, 28),
(101, 'delete', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', NULL, '', NULL, NULL, 29),
(102, 'remove', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', 'erased-1', '', NULL, NULL, 29),
(103, 'remove', 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', 'vip', '', NULL, NULL, 29),
(104, 'set', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', NULL, 'name', 'Upgrade me', 'Upgraded', 30),
(105, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'to undo', '', NULL, NULL, 31),
(106, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'also to undo', '', NULL, NULL, 31),
(107, 'remove', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'Case', '', NULL, NULL, 31),
(108, 'remove', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'also to undo', '', NULL, NULL, 32),
(109, 'set', NULL, NULL, NULL, 'key 45fc5f3966d3', NULL, 'full: made, manage', 33),
(110, 'set', NULL, NULL, 'user_before', 'key 677ca49ffb87', NULL, 'limited: made, write, limited to user_before', 34),
(111, 'set', NULL, NULL, NULL, 'key d5a28a0351c7', NULL, 'ended: made, write', 35),
(112, 'set', NULL, NULL, NULL, 'key d5a28a0351c7', 'ended: good', 'ended: disabled', 36),
(113, 'create', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', NULL, '', NULL, NULL, 37),
(114, 'add', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'user_before', '', NULL, NULL, 37),
(115, 'add', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'merge-me', '', NULL, NULL, 37),
(116, 'create', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', NULL, '', NULL, NULL, 38),
(117, 'add', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'user_before', '', NULL, NULL, 38),
(118, 'add', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'merge-me', '', NULL, NULL, 38),
(119, 'rename', NULL, NULL, 'user_before', '', 'user_before', 'user_after', 39),
(120, 'merge', NULL, NULL, 'merge-me', '', '{"description":"","colour":"","protected":false,"protected_by_hand":false}', 'vip', 40),
(121, 'remove', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'merge-me', '', NULL, NULL, 40),
(122, 'add', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'vip', '', NULL, NULL, 40),
(123, 'remove', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'merge-me', '', NULL, NULL, 40),
(124, 'add', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'vip', '', NULL, NULL, 40),
(125, 'set', NULL, NULL, 'vip', 'description', '', 'Who pays', 41),
(126, 'set', NULL, NULL, 'vip', 'colour', '', 'green', 41),
(127, 'set', NULL, NULL, 'vip', 'protection', 'not protected, by the settings', 'protected, by hand', 41),
(128, 'create', 'agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4', 'leaving', NULL, '', NULL, NULL, 42),
(129, 'add', 'agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4', 'leaving', 'user_leaver', '', NULL, NULL, 42),
(130, 'delete', NULL, NULL, 'user_leaver', '', '{"description":"","colour":"","protected":false,"protected_by_hand":false}', NULL, 43),
(131, 'remove', 'agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4', 'leaving', 'user_leaver', '', NULL, NULL, 43),
(132, 'set', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', NULL, 'identity Person', NULL, 'ext-1', 44),
(133, 'add', 'agent-29b40a7a-ff69-4e3f-aa82-bb165ccd38e4', 'leaving', 'bulk', '', NULL, NULL, 45),
(134, 'add', 'agent-2ed6e467-6686-4a02-b568-4784831962ce', 'Upgraded', 'bulk', '', NULL, NULL, 45),
(135, 'add', 'agent-c762db8d-b671-4255-aae4-9df0f166e990', 'Winter sale helper', 'bulk', '', NULL, NULL, 45),
(136, 'add', 'agent-cd1a9d06-f1b7-447e-b34e-de1ddcc9a599', 'Shared digest', 'bulk', '', NULL, NULL, 45),
(137, 'add', 'agent-6cd42ee7-5792-4016-99e6-c2979b5e939e', 'Prompt playground', 'bulk', '', NULL, NULL, 45),
(138, 'add', 'agent-47b3937f-b43e-4194-a65c-5c02953b6448', 'Kranz · Support', 'bulk', '', NULL, NULL, 45),
(139, 'add', 'agent-120b5a7d-a1ad-4dda-9086-77b15cf39e31', 'Curie · Research', 'bulk', '', NULL, NULL, 45),
(140, 'add', 'agent-da456032-740b-42df-8ee1-fc92ed72b8fb', 'Enzo · Support', 'bulk', '', NULL, NULL, 45),
(141, 'add', 'agent-0b097017-693c-4b1b-8559-3d1b0dbc2824', 'Lark · Tutor', 'bulk', '', NULL, NULL, 45),
(142, 'add', 'agent-78a4f8ce-561c-4302-b1b4-6a3015d01c20', 'Hedda · Support', 'bulk', '', NULL, NULL, 45),
(143, 'add', 'agent-e1c54c1c-9107-47c1-bd65-d54d5d01f82f', 'Bolt · Code review', 'bulk', '', NULL, NULL, 45),
(144, 'add', 'agent-76852030-5aba-45d1-8126-8406551d21fa', 'Juno · Support', 'bulk', '', NULL, NULL, 45),
(145, 'add', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'merge-me', '', NULL, NULL, 46),
(146, 'remove', 'agent-1a663a9d-5c0b-4640-82cb-0bf700652236', 'one', 'vip', '', NULL, NULL, 46),
(147, 'add', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'merge-me', '', NULL, NULL, 46),
(148, 'remove', 'agent-e07f7433-4c5d-48c2-a609-000354b394e0', 'two', 'vip', '', NULL, NULL, 46),
(149, 'set', NULL, NULL, NULL, 'name', NULL, 'erased-1, in 4 rows', 47);
CREATE TABLE "agents_changeset" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "act" varchar(16) NOT NULL, "actor_kind" varchar(16) NOT NULL, "actor_id" text NOT NULL, "actor_name" text NOT NULL, "source" varchar(16) NOT NULL, "reason" text NOT NULL, "undoes" bigint NULL, "created_at" datetime NOT NULL, "agent_count" integer unsigned NULL CHECK ("agent_count" >= 0));
INSERT INTO "agents_changeset" ("id", "act", "actor_kind", "actor_id", "actor_name", "source", "reason", "undoes", "created_at", "agent_count") VALUES
(1, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-02 09:55:36.521044', NULL),
(2, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-06 18:31:36.521044', NULL),
(3, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-11 03:07:36.521044', NULL),
(4, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-15 11:43:36.521044', NULL),
(5, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-19 20:19:36.521044', NULL),
(6, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-24 04:55:36.521044', NULL),
(7, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-10-28 13:31:36.521044', NULL),
(8, 'create', 'person', 'demo:mara', 'Mara Lindqvist', 'page', '', NULL, '2026-11-02 05:07:36.521044', NULL),
(9, 'create', 'person', 'demo:mara', 'Mara Lindqvist', 'page', '', NULL, '2026-11-06 13:43:36.521044', NULL),
(10, 'create', 'person', 'demo:mara', 'Mara Lindqvist', 'page', '', NULL, '2026-11-10 22:19:36.521044', NULL),
(11, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-11-15 06:55:36.521044', NULL),
(12, 'tags', 'person', 'demo:mara', 'Mara Lindqvist', 'page', 'Signed the yearly contract', NULL, '2026-11-16 09:55:36.521044', NULL),
(13, 'tags', 'person', 'demo:mara', 'Mara Lindqvist', 'page', 'Signed the yearly contract', NULL, '2026-11-16 09:55:36.521044', NULL),
(14, 'tags', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-11-16 21:55:36.521044', NULL),
(15, 'tags', 'person', 'demo:tomas', 'Tomás Rivera', 'page', 'Passed two weeks of staging', NULL, '2026-11-17 14:43:36.521044', NULL),
(16, 'tags', 'person', 'demo:jiwoo', 'Ji-woo Park', 'page', 'Answers in the wrong language', NULL, '2026-11-18 00:19:36.521044', NULL),
(17, 'tags', 'person', 'demo:tomas', 'Tomás Rivera', 'page', '', NULL, '2026-11-18 17:07:36.521044', NULL),
(18, 'tags', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', 'Trial ended', NULL, '2026-11-19 05:07:36.521044', NULL),
(19, 'tags', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', 'Trial ended', NULL, '2026-11-19 05:07:36.521044', NULL),
(20, 'create', 'key', 'demo:billing-sync', 'API key “billing sync”', 'api', '', NULL, '2026-11-19 15:31:36.521044', NULL),
(21, 'tags', 'person', 'demo:jiwoo', 'Ji-woo Park', 'page', 'Prompt corrected', NULL, '2026-11-19 21:55:36.521044', NULL),
(22, 'tags', 'person', 'demo:mara', 'Mara Lindqvist', 'page', 'One owner each', NULL, '2026-11-20 14:43:36.521044', NULL),
(23, 'tags', 'person', 'demo:tomas', 'Tomás Rivera', 'page', 'Sale is over', NULL, '2026-11-21 02:43:36.521044', NULL),
(24, 'tags', 'person', 'demo:jiwoo', 'Ji-woo Park', 'page', '', NULL, '2026-11-21 17:07:36.521044', NULL),
(25, 'tags', 'person', 'demo:mara', 'Mara Lindqvist', 'page', '', NULL, '2026-11-22 05:07:36.521044', NULL),
(26, 'undo', 'person', 'demo:tomas', 'Tomás Rivera', 'page', '', 25, '2026-11-22 09:55:36.521044', NULL),
(27, 'create', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.026737', NULL),
(28, 'create', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.030368', NULL),
(29, 'delete', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.033386', NULL),
(30, 'fields', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.036899', NULL),
(31, 'tags', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.039572', NULL),
(32, 'tags', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.042373', NULL),
(33, 'key', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.043774', NULL),
(34, 'key', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.044231', NULL),
(35, 'key', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.044636', NULL),
(36, 'key', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.045490', NULL),
(37, 'create', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.046339', NULL),
(38, 'create', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.048224', NULL),
(39, 'rename', 'person', 'person:2', 'Mara K', 'page', 'a new name', NULL, '2026-11-22 19:31:37.053262', 2),
(40, 'merge', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.056344', 2),
(41, 'describe', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.060300', NULL),
(42, 'create', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.061349', NULL),
(43, 'offboard', 'person', 'person:2', 'Mara K', 'page', 'left', NULL, '2026-11-22 19:31:37.064706', 1),
(44, 'identity', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.067739', NULL),
(45, 'tags', 'person', 'person:2', 'Mara K', 'bulk', 'a bulk change', NULL, '2026-11-22 19:31:37.076119', NULL),
(46, 'undo', 'person', 'person:2', 'Mara K', 'page', '', 40, '2026-11-22 19:31:37.085012', NULL),
(47, 'erase', 'person', 'person:2', 'Mara K', 'page', '', NULL, '2026-11-22 19:31:37.091381', NULL);
CREATE TABLE "agents_identity" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "public_id" text NOT NULL, "identifier_key" text NOT NULL, "name" text NOT NULL, "identity_type" varchar(8) NOT NULL, "project_id" text NULL, "properties" text NOT NULL, "created_at" datetime NOT NULL, "updated_at" datetime NOT NULL, CONSTRAINT "identity_public_id_is_unique" UNIQUE ("public_id"), CONSTRAINT "identity_key_is_unique" UNIQUE ("identifier_key"), CONSTRAINT "identity_type_is_known" CHECK ("identity_type" IN ('org', 'user', 'other')));
INSERT INTO "agents_identity" ("id", "public_id", "identifier_key", "name", "identity_type", "project_id", "properties", "created_at", "updated_at") VALUES
(1, 'identity-753cdcf7-6633-4905-b3da-bc9023b9b20e', 'ext-1', 'Person', 'user', NULL, '[]', '2026-11-22 19:31:37.067739', '2026-11-22 19:31:37.067739');
CREATE TABLE "agents_importedagent" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "public_id" text NOT NULL, "digest" text NOT NULL, "tags" text NOT NULL, "blocks" text NOT NULL, "source_id" bigint NOT NULL REFERENCES "agents_importsource" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "imported_agent_is_unique" UNIQUE ("source_id", "public_id"));
CREATE TABLE "agents_importedblock" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source_block_id" text NOT NULL, "public_id" text NOT NULL, "digest" text NOT NULL, "source_id" bigint NOT NULL REFERENCES "agents_importsource" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "imported_block_is_unique" UNIQUE ("source_id", "source_block_id"));
CREATE TABLE "agents_importsource" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "url" text NOT NULL, "finished_at" datetime NULL, CONSTRAINT "import_source_is_unique" UNIQUE ("url"));
CREATE TABLE "agents_savedview" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "slug" text NOT NULL, "name" text NOT NULL, "owner_id" text NOT NULL, "owner_name" text NOT NULL, "shared" bool NOT NULL, "pinned" bool NOT NULL, "pairs" text NOT NULL, "created_at" datetime NOT NULL, CONSTRAINT "saved_view_slug_is_unique" UNIQUE ("slug"));
INSERT INTO "agents_savedview" ("id", "slug", "name", "owner_id", "owner_name", "shared", "pinned", "pairs", "created_at") VALUES
(1, 'mine', 'Mine', 'person:2', 'Mara K', 0, 1, '[["any","user_after"],["q","up"]]', '2026-11-22 19:31:37.050315'),
(2, 'ours', 'Ours', 'person:2', 'Mara K', 1, 0, '[["none","vip"]]', '2026-11-22 19:31:37.051044');
CREATE TABLE "agents_tag" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL, "name_folded" text NOT NULL, "lookalike" text NOT NULL, "n" integer unsigned NOT NULL CHECK ("n" >= 0), "names_user" bool NOT NULL, "protected" bool NOT NULL, "description" text NOT NULL, "colour" varchar(16) NOT NULL, "last_added_at" datetime NULL, "last_added_by" text NULL, "created_at" datetime NOT NULL, "protected_by_hand" bool NOT NULL, CONSTRAINT "tag_name_is_unique" UNIQUE ("name"), CONSTRAINT "tag_is_not_empty" CHECK (NOT ("name" = '')));
INSERT INTO "agents_tag" ("id", "name", "name_folded", "lookalike", "n", "names_user", "protected", "description", "colour", "last_added_at", "last_added_by", "created_at", "protected_by_hand") VALUES
(1, 'env:prod', 'env:prod', 'envprod', 11, 0, 0, '', '', '2026-11-19 15:31:36.521044', 'API key “billing sync”', '2026-10-02 09:55:36.521044', 0),
(2, 'lang:en', 'lang:en', 'langen', 5, 0, 0, '', '', '2026-11-19 15:31:36.521044', 'API key “billing sync”', '2026-10-02 09:55:36.521044', 0),
(3, 'team:care', 'team:care', 'teamcare', 6, 0, 0, '', '', '2026-11-19 15:31:36.521044', 'API key “billing sync”', '2026-10-02 09:55:36.521044', 0),
(4, 'tier:gold', 'tier:gold', 'tiergold', 4, 0, 0, '', '', '2026-11-02 05:07:36.521044', 'Mara Lindqvist', '2026-10-02 09:55:36.521044', 0),
(5, 'user_1', 'user_1', 'user1', 3, 1, 0, '', '', '2026-11-19 15:31:36.521044', 'API key “billing sync”', '2026-10-02 09:55:36.521044', 0),
(6, 'team:finance', 'team:finance', 'teamfinance', 1, 0, 0, '', '', '2026-10-06 18:31:36.521044', 'API key “billing sync”', '2026-10-06 18:31:36.521044', 0),
(7, 'lang:es', 'lang:es', 'langes', 1, 0, 0, '', '', '2026-10-11 03:07:36.521044', 'API key “billing sync”', '2026-10-11 03:07:36.521044', 0),
(8, 'tier:free', 'tier:free', 'tierfree', 3, 0, 0, '', '', '2026-11-19 05:07:36.521044', 'API key “billing sync”', '2026-10-11 03:07:36.521044', 0),
(9, 'user_4', 'user_4', 'user4', 1, 1, 0, '', '', '2026-10-11 03:07:36.521044', 'API key “billing sync”', '2026-10-11 03:07:36.521044', 0),
(10, 'env:staging', 'env:staging', 'envstaging', 0, 0, 0, '', '', '2026-10-15 11:43:36.521044', 'API key “billing sync”', '2026-10-15 11:43:36.521044', 0),
(11, 'team:platform', 'team:platform', 'teamplatform', 1, 0, 0, '', '', '2026-10-15 11:43:36.521044', 'API key “billing sync”', '2026-10-15 11:43:36.521044', 0),
(12, 'user_5', 'user_5', 'user5', 1, 1, 0, '', '', '2026-10-15 11:43:36.521044', 'API key “billing sync”', '2026-10-15 11:43:36.521044', 0),
(13, 'lang:de', 'lang:de', 'langde', 2, 0, 0, '', '', '2026-11-06 13:43:36.521044', 'Mara Lindqvist', '2026-10-19 20:19:36.521044', 0),
(14, 'tier:silver', 'tier:silver', 'tiersilver', 2, 0, 0, '', '', '2026-11-16 21:55:36.521044', 'API key “billing sync”', '2026-10-19 20:19:36.521044', 0),
(15, 'user_7', 'user_7', 'user7', 1, 1, 0, '', '', '2026-10-19 20:19:36.521044', 'API key “billing sync”', '2026-10-19 20:19:36.521044', 0),
(16, 'lang:it', 'lang:it', 'langit', 2, 0, 0, '', '', '2026-10-28 13:31:36.521044', 'API key “billing sync”', '2026-10-24 04:55:36.521044', 0),
(17, 'team:learning', 'team:learning', 'teamlearning', 2, 0, 0, '', '', '2026-11-10 22:19:36.521044', 'Mara Lindqvist', '2026-10-24 04:55:36.521044', 0),
(18, 'tier:trial', 'tier:trial', 'tiertrial', 0, 0, 0, '', '', '2026-10-28 13:31:36.521044', 'API key “billing sync”', '2026-10-24 04:55:36.521044', 0),
(19, 'user_12', 'user_12', 'user12', 2, 1, 0, '', '', '2026-10-28 13:31:36.521044', 'API key “billing sync”', '2026-10-24 04:55:36.521044', 0),
(20, 'lang:pl', 'lang:pl', 'langpl', 1, 0, 0, '', '', '2026-11-02 05:07:36.521044', 'Mara Lindqvist', '2026-11-02 05:07:36.521044', 0),
(21, 'team:insight', 'team:insight', 'teaminsight', 2, 0, 0, '', '', '2026-11-15 06:55:36.521044', 'API key “billing sync”', '2026-11-02 05:07:36.521044', 0),
(22, 'user_marie', 'user_marie', 'usermarie', 1, 1, 0, '', '', '2026-11-02 05:07:36.521044', 'Mara Lindqvist', '2026-11-02 05:07:36.521044', 0),
(23, 'user:4711', 'user:4711', 'user4711', 1, 1, 0, '', '', '2026-11-06 13:43:36.521044', 'Mara Lindqvist', '2026-11-06 13:43:36.521044', 0),
(24, 'env:dev', 'env:dev', 'envdev', 1, 0, 0, '', '', '2026-11-10 22:19:36.521044', 'Mara Lindqvist', '2026-11-10 22:19:36.521044', 0),
(25, 'experiment', 'experiment', 'experiment', 1, 0, 0, '', '', '2026-11-10 22:19:36.521044', 'Mara Lindqvist', '2026-11-10 22:19:36.521044', 0),
(26, 'user_2', 'user_2', 'user2', 1, 1, 0, '', '', '2026-11-15 06:55:36.521044', 'API key “billing sync”', '2026-11-15 06:55:36.521044', 0),
(27, 'user_3', 'user_3', 'user3', 0, 1, 0, '', '', '2026-11-15 06:55:36.521044', 'API key “billing sync”', '2026-11-15 06:55:36.521044', 0),
(28, 'vip', 'vip', 'vip', 2, 0, 1, 'Who pays', 'green', '2026-11-22 19:31:37.056344', 'Mara K', '2026-11-16 09:55:36.521044', 1),
(29, 'needs-review', 'needs-review', 'needsreview', 0, 0, 0, '', '', '2026-11-18 00:19:36.521044', 'Ji-woo Park', '2026-11-18 00:19:36.521044', 0),
(30, 'owner:jiwoo', 'owner:jiwoo', 'ownerjiwoo', 1, 0, 0, '', '', '2026-11-18 17:07:36.521044', 'Tomás Rivera', '2026-11-18 17:07:36.521044', 0),
(31, 'campaign:winter-sale', 'campaign:winter-sale', 'campaignwintersale', 1, 0, 0, '', '', '2026-11-19 15:31:36.521044', 'API key “billing sync”', '2026-11-19 15:31:36.521044', 0),
(32, 'frozen', 'frozen', 'frozen', 1, 0, 0, '', '', '2026-11-21 02:43:36.521044', 'Tomás Rivera', '2026-11-21 02:43:36.521044', 0),
(33, 'beta', 'beta', 'beta', 1, 0, 0, '', '', '2026-11-21 17:07:36.521044', 'Ji-woo Park', '2026-11-21 17:07:36.521044', 0),
(34, ' spaces ', ' spaces ', 'spaces', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026017', 0),
(35, '''quoted"', '''quoted"', '''quoted"', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026058', 0),
(36, '../up', '../up', '../up', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026077', 0),
(37, 'Case', 'case', 'case', 0, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026096', 0),
(38, 'a, b', 'a, b', 'a,b', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026114', 0),
(39, 'case', 'case', 'case', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026132', 0),
(40, 'line
break', 'line
break', 'linebreak', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026152', 0),
(41, 'Ünïcode ☃', 'unicode ☃', 'unicode☃', 1, 0, 0, '', '', '2026-11-22 19:31:37.026737', 'Mara K', '2026-11-22 19:31:37.026185', 0),
(43, 'also to undo', 'also to undo', 'alsotoundo', 0, 0, 0, '', '', '2026-11-22 19:31:37.039572', 'Mara K', '2026-11-22 19:31:37.038217', 0),
(44, 'to undo', 'to undo', 'toundo', 1, 0, 0, '', '', '2026-11-22 19:31:37.039572', 'Mara K', '2026-11-22 19:31:37.038254', 0),
(46, 'user_after', 'user_after', 'userafter', 2, 1, 0, '', '', '2026-11-22 19:31:37.048224', 'Mara K', '2026-11-22 19:31:37.046122', 0),
(48, 'bulk', 'bulk', 'bulk', 12, 0, 0, '', '', '2026-11-22 19:31:37.076119', 'Mara K', '2026-11-22 19:31:37.074849', 0),
(49, 'merge-me', 'merge-me', 'mergeme', 2, 0, 0, '', '', '2026-11-22 19:31:37.085012', 'Mara K', '2026-11-22 19:31:37.082745', 0);
CREATE VIRTUAL TABLE agents_tag_search USING fts5 (folded, tokenize = 'trigram case_sensitive 1');
INSERT INTO "agents_tag_search" ("rowid", "folded") VALUES
(1, 'env:prod'),
(2, 'lang:en'),
(3, 'team:care'),
(4, 'tier:gold'),
(5, 'user_1'),
(6, 'team:finance'),
(7, 'lang:es'),
(8, 'tier:free'),
(9, 'user_4'),
(10, 'env:staging'),
(11, 'team:platform'),
(12, 'user_5'),
(13, 'lang:de'),
(14, 'tier:silver'),
(15, 'user_7'),
(16, 'lang:it'),
(17, 'team:learning'),
(18, 'tier:trial'),
(19, 'user_12'),
(20, 'lang:pl'),
(21, 'team:insight'),
(22, 'user_marie'),
(23, 'user:4711'),
(24, 'env:dev'),
(25, 'experiment'),
(26, 'user_2'),
(27, 'user_3'),
(28, 'vip'),
(29, 'needs-review'),
(30, 'owner:jiwoo'),
(31, 'campaign:winter-sale'),
(32, 'frozen'),
(33, 'beta'),
(34, ' spaces '),
(35, '''quoted"'),
(36, '../up'),
(37, 'case'),
(38, 'a, b'),
(39, 'case'),
(40, 'line
break'),
(41, 'unicode ☃'),
(43, 'also to undo'),
(44, 'to undo'),
(46, 'user_after'),
(48, 'bulk'),
(49, 'merge-me');
CREATE TABLE "agents_tombstone" ("seq" bigint NOT NULL PRIMARY KEY, "public_id" text NOT NULL, "name" text NOT NULL, "updated_at" datetime NOT NULL, "deleted_at" datetime NOT NULL, "deleted_by" text NOT NULL, "tags" text NOT NULL, "change_set_id" bigint NOT NULL, CONSTRAINT "tombstone_public_id_is_unique" UNIQUE ("public_id"));
INSERT INTO "agents_tombstone" ("seq", "public_id", "name", "updated_at", "deleted_at", "deleted_by", "tags", "change_set_id") VALUES
(891040141436388629, 'agent-53667598-9985-4106-a4e5-72b2914019ee', 'Deleted', '2026-11-22 19:31:37.030368', '2026-11-22 19:31:37.033386', 'Mara K', '["erased-1","vip"]', 29);
CREATE TABLE "auth_group" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(150) NOT NULL UNIQUE);
CREATE TABLE "auth_group_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "auth_permission" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "codename" varchar(100) NOT NULL, "name" varchar(255) NOT NULL);
INSERT INTO "auth_permission" ("id", "content_type_id", "codename", "name") VALUES
(1, 1, 'add_permission', 'Can add permission'),
(2, 1, 'change_permission', 'Can change permission'),
(3, 1, 'delete_permission', 'Can delete permission'),
(4, 1, 'view_permission', 'Can view permission'),
(5, 2, 'add_group', 'Can add group'),
(6, 2, 'change_group', 'Can change group'),
(7, 2, 'delete_group', 'Can delete group'),
(8, 2, 'view_group', 'Can view group'),
(9, 3, 'add_contenttype', 'Can add content type'),
(10, 3, 'change_contenttype', 'Can change content type'),
(11, 3, 'delete_contenttype', 'Can delete content type'),
(12, 3, 'view_contenttype', 'Can view content type'),
(13, 4, 'add_session', 'Can add session'),
(14, 4, 'change_session', 'Can change session'),
(15, 4, 'delete_session', 'Can delete session'),
(16, 4, 'view_session', 'Can view session'),
(17, 5, 'add_emailaddress', 'Can add email address'),
(18, 5, 'change_emailaddress', 'Can change email address'),
(19, 5, 'delete_emailaddress', 'Can delete email address'),
(20, 5, 'view_emailaddress', 'Can view email address'),
(21, 6, 'add_emailconfirmation', 'Can add email confirmation'),
(22, 6, 'change_emailconfirmation', 'Can change email confirmation'),
(23, 6, 'delete_emailconfirmation', 'Can delete email confirmation'),
(24, 6, 'view_emailconfirmation', 'Can view email confirmation'),
(25, 7, 'add_authenticator', 'Can add authenticator'),
(26, 7, 'change_authenticator', 'Can change authenticator'),
(27, 7, 'delete_authenticator', 'Can delete authenticator'),
(28, 7, 'view_authenticator', 'Can view authenticator'),
(29, 8, 'add_socialaccount', 'Can add social account'),
(30, 8, 'change_socialaccount', 'Can change social account'),
(31, 8, 'delete_socialaccount', 'Can delete social account'),
(32, 8, 'view_socialaccount', 'Can view social account'),
(33, 9, 'add_socialapp', 'Can add social application'),
(34, 9, 'change_socialapp', 'Can change social application'),
(35, 9, 'delete_socialapp', 'Can delete social application'),
(36, 9, 'view_socialapp', 'Can view social application'),
(37, 10, 'add_socialtoken', 'Can add social application token'),
(38, 10, 'change_socialtoken', 'Can change social application token'),
(39, 10, 'delete_socialtoken', 'Can delete social application token'),
(40, 10, 'view_socialtoken', 'Can view social application token'),
(41, 11, 'add_dbtaskresult', 'Can add Task Result'),
(42, 11, 'change_dbtaskresult', 'Can change Task Result'),
(43, 11, 'delete_dbtaskresult', 'Can delete Task Result'),
(44, 11, 'view_dbtaskresult', 'Can view Task Result'),
(45, 12, 'add_user', 'Can add user'),
(46, 12, 'change_user', 'Can change user'),
(47, 12, 'delete_user', 'Can delete user'),
(48, 12, 'view_user', 'Can view user'),
(49, 13, 'add_cacheentry', 'Can add cache entry'),
(50, 13, 'change_cacheentry', 'Can change cache entry'),
(51, 13, 'delete_cacheentry', 'Can delete cache entry'),
(52, 13, 'view_cacheentry', 'Can view cache entry'),
(53, 14, 'add_memberevent', 'Can add member event'),
(54, 14, 'change_memberevent', 'Can change member event'),
(55, 14, 'delete_memberevent', 'Can delete member event'),
(56, 14, 'view_memberevent', 'Can view member event'),
(57, 15, 'add_agent', 'Can add agent'),
(58, 15, 'change_agent', 'Can change agent'),
(59, 15, 'delete_agent', 'Can delete agent'),
(60, 15, 'view_agent', 'Can view agent'),
(61, 16, 'add_apikey', 'Can add api key'),
(62, 16, 'change_apikey', 'Can change api key'),
(63, 16, 'delete_apikey', 'Can delete api key'),
(64, 16, 'view_apikey', 'Can view api key'),
(65, 17, 'add_block', 'Can add block'),
(66, 17, 'change_block', 'Can change block'),
(67, 17, 'delete_block', 'Can delete block'),
(68, 17, 'view_block', 'Can view block'),
(69, 18, 'add_changeset', 'Can add change set'),
(70, 18, 'change_changeset', 'Can change change set'),
(71, 18, 'delete_changeset', 'Can delete change set'),
(72, 18, 'view_changeset', 'Can view change set'),
(73, 19, 'add_tag', 'Can add tag'),
(74, 19, 'change_tag', 'Can change tag'),
(75, 19, 'delete_tag', 'Can delete tag'),
(76, 19, 'view_tag', 'Can view tag'),
(77, 20, 'add_tombstone', 'Can add tombstone'),
(78, 20, 'change_tombstone', 'Can change tombstone'),
(79, 20, 'delete_tombstone', 'Can delete tombstone'),
(80, 20, 'view_tombstone', 'Can view tombstone'),
(81, 21, 'add_agentdetail', 'Can add agent detail'),
(82, 21, 'change_agentdetail', 'Can change agent detail'),
(83, 21, 'delete_agentdetail', 'Can delete agent detail'),
(84, 21, 'view_agentdetail', 'Can view agent detail'),
(85, 22, 'add_agentblock', 'Can add agent block'),
(86, 22, 'change_agentblock', 'Can change agent block'),
(87, 22, 'delete_agentblock', 'Can delete agent block'),
(88, 22, 'view_agentblock', 'Can view agent block'),
(89, 23, 'add_agenttag', 'Can add agent tag'),
(90, 23, 'change_agenttag', 'Can change agent tag'),
(91, 23, 'delete_agenttag', 'Can delete agent tag'),
(92, 23, 'view_agenttag', 'Can view agent tag'),
(93, 24, 'add_change', 'Can add change'),
(94, 24, 'change_change', 'Can change change'),
(95, 24, 'delete_change', 'Can delete change'),
(96, 24, 'view_change', 'Can view change'),
(97, 25, 'add_importsource', 'Can add import source'),
(98, 25, 'change_importsource', 'Can change import source'),
(99, 25, 'delete_importsource', 'Can delete import source'),
(100, 25, 'view_importsource', 'Can view import source'),
(101, 26, 'add_importedblock', 'Can add imported block'),
(102, 26, 'change_importedblock', 'Can change imported block'),
(103, 26, 'delete_importedblock', 'Can delete imported block'),
(104, 26, 'view_importedblock', 'Can view imported block'),
(105, 27, 'add_importedagent', 'Can add imported agent'),
(106, 27, 'change_importedagent', 'Can change imported agent'),
(107, 27, 'delete_importedagent', 'Can delete imported agent'),
(108, 27, 'view_importedagent', 'Can view imported agent'),
(109, 28, 'add_identity', 'Can add identity'),
(110, 28, 'change_identity', 'Can change identity'),
(111, 28, 'delete_identity', 'Can delete identity'),
(112, 28, 'view_identity', 'Can view identity'),
(113, 29, 'add_agentidentity', 'Can add agent identity'),
(114, 29, 'change_agentidentity', 'Can change agent identity'),
(115, 29, 'delete_agentidentity', 'Can delete agent identity'),
(116, 29, 'view_agentidentity', 'Can view agent identity'),
(117, 30, 'add_bulkplan', 'Can add bulk plan'),
(118, 30, 'change_bulkplan', 'Can change bulk plan'),
(119, 30, 'delete_bulkplan', 'Can delete bulk plan'),
(120, 30, 'view_bulkplan', 'Can view bulk plan'),
(121, 31, 'add_savedview', 'Can add saved view'),
(122, 31, 'change_savedview', 'Can change saved view'),
(123, 31, 'delete_savedview', 'Can delete saved view'),
(124, 31, 'view_savedview', 'Can view saved view'),
(125, 32, 'add_bulkbatch', 'Can add bulk batch'),
(126, 32, 'change_bulkbatch', 'Can change bulk batch'),
(127, 32, 'delete_bulkbatch', 'Can delete bulk batch'),
(128, 32, 'view_bulkbatch', 'Can view bulk batch');
CREATE TABLE "django_content_type" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL, "model" varchar(100) NOT NULL);
INSERT INTO "django_content_type" ("id", "app_label", "model") VALUES
(1, 'auth', 'permission'),
(2, 'auth', 'group'),
(3, 'contenttypes', 'contenttype'),
(4, 'sessions', 'session'),
(5, 'account', 'emailaddress'),
(6, 'account', 'emailconfirmation'),
(7, 'mfa', 'authenticator'),
(8, 'socialaccount', 'socialaccount'),
(9, 'socialaccount', 'socialapp'),
(10, 'socialaccount', 'socialtoken'),
(11, 'django_tasks_database', 'dbtaskresult'),
(12, 'ade', 'user'),
(13, 'ade', 'cacheentry'),
(14, 'ade', 'memberevent'),
(15, 'agents', 'agent'),
(16, 'agents', 'apikey'),
(17, 'agents', 'block'),
(18, 'agents', 'changeset'),
(19, 'agents', 'tag'),
(20, 'agents', 'tombstone'),
(21, 'agents', 'agentdetail'),
(22, 'agents', 'agentblock'),
(23, 'agents', 'agenttag'),
(24, 'agents', 'change'),
(25, 'agents', 'importsource'),
(26, 'agents', 'importedblock'),
(27, 'agents', 'importedagent'),
(28, 'agents', 'identity'),
(29, 'agents', 'agentidentity'),
(30, 'agents', 'bulkplan'),
(31, 'agents', 'savedview'),
(32, 'agents', 'bulkbatch');
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
INSERT INTO "django_migrations" ("id", "app", "name", "applied") VALUES
(1, 'contenttypes', '0001_initial', '2026-11-22 19:31:34.985738'),
(2, 'contenttypes', '0002_remove_content_type_name', '2026-11-22 19:31:34.991827'),
(3, 'auth', '0001_initial', '2026-11-22 19:31:34.998207'),
(4, 'auth', '0002_alter_permission_name_max_length', '2026-11-22 19:31:35.001777'),
(5, 'auth', '0003_alter_user_email_max_length', '2026-11-22 19:31:35.004685'),
(6, 'auth', '0004_alter_user_username_opts', '2026-11-22 19:31:35.007422'),
(7, 'auth', '0005_alter_user_last_login_null', '2026-11-22 19:31:35.010090'),
(8, 'auth', '0006_require_contenttypes_0002', '2026-11-22 19:31:35.011120'),
(9, 'auth', '0007_alter_validators_add_error_messages', '2026-11-22 19:31:35.013664'),
(10, 'auth', '0008_alter_user_username_max_length', '2026-11-22 19:31:35.016242'),
(11, 'auth', '0009_alter_user_last_name_max_length', '2026-11-22 19:31:35.018705'),
(12, 'auth', '0010_alter_group_name_max_length', '2026-11-22 19:31:35.021999'),
(13, 'auth', '0011_update_proxy_permissions', '2026-11-22 19:31:35.024710'),
(14, 'auth', '0012_alter_user_first_name_max_length', '2026-11-22 19:31:35.027290'),
(15, 'ade', '0001_initial', '2026-11-22 19:31:35.034253'),
(16, 'account', '0001_initial', '2026-11-22 19:31:35.041780'),
(17, 'account', '0002_email_max_length', '2026-11-22 19:31:35.046676'),
(18, 'account', '0003_alter_emailaddress_create_unique_verified_email', '2026-11-22 19:31:35.053044'),
(19, 'account', '0004_alter_emailaddress_drop_unique_email', '2026-11-22 19:31:35.058044'),
(20, 'account', '0005_emailaddress_idx_upper_email', '2026-11-22 19:31:35.062023'),
(21, 'account', '0006_emailaddress_lower', '2026-11-22 19:31:35.066423'),
(22, 'account', '0007_emailaddress_idx_email', '2026-11-22 19:31:35.075317'),
(23, 'account', '0008_emailaddress_unique_primary_email_fixup', '2026-11-22 19:31:35.080823'),
(24, 'account', '0009_emailaddress_unique_primary_email', '2026-11-22 19:31:35.084852'),
(25, 'ade', '0002_wal', '2026-11-22 19:31:35.090082'),
(26, 'ade', '0003_members_sessions_cache', '2026-11-22 19:31:35.100468'),
(27, 'agents', '0001_initial', '2026-11-22 19:31:35.172548'),
(28, 'agents', '0002_search', '2026-11-22 19:31:35.180919'),
(29, 'agents', '0003_imports', '2026-11-22 19:31:35.184291'),
(30, 'agents', '0004_identities', '2026-11-22 19:31:35.195068'),
(31, 'agents', '0005_tag_directory', '2026-11-22 19:31:35.310332'),
(32, 'agents', '0006_bulk_and_views', '2026-11-22 19:31:35.315156'),
(33, 'django_tasks_database', '0001_initial', '2026-11-22 19:31:35.316457'),
(34, 'django_tasks_database', '0002_alter_dbtaskresult_options', '2026-11-22 19:31:35.317397'),
(35, 'django_tasks_database', '0003_dbtaskresult_enqueued_at_dbtaskresult_finished_at', '2026-11-22 19:31:35.321845'),
(36, 'django_tasks_database', '0004_dbtaskresult_started_at', '2026-11-22 19:31:35.323514'),
(37, 'django_tasks_database', '0005_alter_dbtaskresult_priority_and_more', '2026-11-22 19:31:35.329953'),
(38, 'django_tasks_database', '0006_alter_dbtaskresult_args_kwargs_and_more', '2026-11-22 19:31:35.339557'),
(39, 'django_tasks_database', '0007_add_separate_results_fields', '2026-11-22 19:31:35.342888'),
(40, 'django_tasks_database', '0008_separate_results_field', '2026-11-22 19:31:35.353658'),
(41, 'django_tasks_database', '0009_remove_results_field', '2026-11-22 19:31:35.357118'),
(42, 'django_tasks_database', '0010_alter_dbtaskresult_status', '2026-11-22 19:31:35.361059'),
(43, 'django_tasks_database', '0011_rename_complete_status', '2026-11-22 19:31:35.373087'),
(44, 'django_tasks_database', '0012_add_separate_exception_fields', '2026-11-22 19:31:35.383985'),
(45, 'django_tasks_database', '0013_separate_exception_fields', '2026-11-22 19:31:35.397302'),
(46, 'django_tasks_database', '0014_remove_dbtaskresult_exception_data', '2026-11-22 19:31:35.401445'),
(47, 'django_tasks_database', '0015_correctly_order_run_after', '2026-11-22 19:31:35.402704'),
(48, 'django_tasks_database', '0016_remove_dbtaskresult_django_task_new_ordering_idx_and_more', '2026-11-22 19:31:35.435433'),
(49, 'django_tasks_database', '0017_dbtaskresult_metadata', '2026-11-22 19:31:35.440052'),
(50, 'django_tasks_database', '0018_rename_succeeded_status', '2026-11-22 19:31:35.454931'),
(51, 'django_tasks_database', '0019_rename_django_task_new_ordering_idx_tasks_db_new_ordering_idx_and_more', '2026-11-22 19:31:35.473323'),
(52, 'django_tasks_database', '0020_update_db_task_result_ordering', '2026-11-22 19:31:35.477214'),
(53, 'django_tasks_database', '0021_conditional_partial_index_ordering', '2026-11-22 19:31:35.479759'),
(54, 'mfa', '0001_initial', '2026-11-22 19:31:35.485763'),
(55, 'mfa', '0002_authenticator_timestamps', '2026-11-22 19:31:35.494528'),
(56, 'mfa', '0003_authenticator_type_uniq', '2026-11-22 19:31:35.508119'),
(57, 'sessions', '0001_initial', '2026-11-22 19:31:35.509486'),
(58, 'socialaccount', '0001_initial', '2026-11-22 19:31:35.534426'),
(59, 'socialaccount', '0002_token_max_lengths', '2026-11-22 19:31:35.551242'),
(60, 'socialaccount', '0003_extra_data_default_dict', '2026-11-22 19:31:35.555493'),
(61, 'socialaccount', '0004_app_provider_id_settings', '2026-11-22 19:31:35.569349'),
(62, 'socialaccount', '0005_socialtoken_nullable_app', '2026-11-22 19:31:35.578535'),
(63, 'socialaccount', '0006_alter_socialaccount_extra_data', '2026-11-22 19:31:35.586295');
CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL);
INSERT INTO "django_session" ("session_key", "session_data", "expire_date") VALUES
('ku9wv9s6ihk77vsfh5utok6ip5f9ueo4', '.eJxVjEsOAiEQRO_C2hD-AXd6EdI0TSBOmESYlfHuzphZ6LJeVb0Xi7DNGrdBz9gyuzLFLr8sAT6oHwUsy4E5IK5bn_y7OevBb3uiPhvCbGu_n68_VYVRd48LwoekswUtRXaJSikOMCgp0VAxhnDHkiRC8Fpri2hN9gowieCosPcHzDY9Ag:1xVDHl:F3UfoQkUNZryr8QS-MFaP7F0nRiemNeZ3hA4c04BuCA', '2026-11-23 07:31:37.025247');
CREATE TABLE "django_tasks_database_dbtaskresult" ("id" char(32) NOT NULL PRIMARY KEY, "args_kwargs" text NOT NULL CHECK ((JSON_VALID("args_kwargs") OR "args_kwargs" IS NULL)), "priority" integer NOT NULL, "task_path" text NOT NULL, "queue_name" varchar(32) NOT NULL, "backend_name" varchar(32) NOT NULL, "run_after" datetime NOT NULL, "enqueued_at" datetime NOT NULL, "finished_at" datetime NULL, "started_at" datetime NULL, "return_value" text NULL CHECK ((JSON_VALID("return_value") OR "return_value" IS NULL)), "exception_class_path" text NOT NULL, "traceback" text NOT NULL, "worker_ids" text NOT NULL CHECK ((JSON_VALID("worker_ids") OR "worker_ids" IS NULL)), "status" varchar(10) NOT NULL, CONSTRAINT "priority_range" CHECK ("priority" BETWEEN -100 AND 100));
CREATE TABLE "mfa_authenticator" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "type" varchar(20) NOT NULL, "data" text NOT NULL CHECK ((JSON_VALID("data") OR "data" IS NULL)), "user_id" bigint NOT NULL REFERENCES "ade_user" ("id") DEFERRABLE INITIALLY DEFERRED, "created_at" datetime NOT NULL, "last_used_at" datetime NULL);
CREATE TABLE "socialaccount_socialaccount" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "provider" varchar(200) NOT NULL, "uid" varchar(191) NOT NULL, "last_login" datetime NOT NULL, "date_joined" datetime NOT NULL, "user_id" bigint NOT NULL REFERENCES "ade_user" ("id") DEFERRABLE INITIALLY DEFERRED, "extra_data" text NOT NULL CHECK ((JSON_VALID("extra_data") OR "extra_data" IS NULL)));
CREATE TABLE "socialaccount_socialapp" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "provider" varchar(30) NOT NULL, "name" varchar(40) NOT NULL, "client_id" varchar(191) NOT NULL, "secret" varchar(191) NOT NULL, "key" varchar(191) NOT NULL, "provider_id" varchar(200) NOT NULL, "settings" text NOT NULL CHECK ((JSON_VALID("settings") OR "settings" IS NULL)));
CREATE TABLE "socialaccount_socialtoken" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "token" text NOT NULL, "token_secret" text NOT NULL, "expires_at" datetime NULL, "account_id" integer NOT NULL REFERENCES "socialaccount_socialaccount" ("id") DEFERRABLE INITIALLY DEFERRED, "app_id" integer NULL REFERENCES "socialaccount_socialapp" ("id") DEFERRABLE INITIALLY DEFERRED);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('django_migrations', 63);
INSERT INTO sqlite_sequence VALUES ('django_content_type', 32);
INSERT INTO sqlite_sequence VALUES ('auth_permission', 128);
INSERT INTO sqlite_sequence VALUES ('auth_group', 0);
INSERT INTO sqlite_sequence VALUES ('account_emailaddress', 0);
INSERT INTO sqlite_sequence VALUES ('ade_user', 2);
INSERT INTO sqlite_sequence VALUES ('agents_agent', 891040141563286808);
INSERT INTO sqlite_sequence VALUES ('agents_apikey', 3);
INSERT INTO sqlite_sequence VALUES ('agents_block', 26);
INSERT INTO sqlite_sequence VALUES ('agents_tag', 49);
INSERT INTO sqlite_sequence VALUES ('agents_change', 149);
INSERT INTO sqlite_sequence VALUES ('mfa_authenticator', 0);
INSERT INTO sqlite_sequence VALUES ('socialaccount_socialapp', 0);
INSERT INTO sqlite_sequence VALUES ('socialaccount_socialtoken', 0);
INSERT INTO sqlite_sequence VALUES ('socialaccount_socialaccount', 0);
INSERT INTO sqlite_sequence VALUES ('agents_changeset', 47);
INSERT INTO sqlite_sequence VALUES ('agents_savedview', 2);
INSERT INTO sqlite_sequence VALUES ('agents_identity', 1);
INSERT INTO sqlite_sequence VALUES ('agents_bulkbatch', 2);
CREATE INDEX "account_emailaddress_email_03be32b2" ON "account_emailaddress" ("email");
CREATE INDEX "account_emailaddress_user_id_2c513194" ON "account_emailaddress" ("user_id");
CREATE UNIQUE INDEX "account_emailaddress_user_id_email_987c8728_uniq" ON "account_emailaddress" ("user_id", "email");
CREATE INDEX "account_emailconfirmation_email_address_id_5b7f8c58" ON "account_emailconfirmation" ("email_address_id");
CREATE INDEX "ade_cache_expires_033e9357" ON "ade_cache" ("expires");
CREATE INDEX "ade_user_groups_group_id_825bd451" ON "ade_user_groups" ("group_id");
CREATE INDEX "ade_user_groups_user_id_6ef5dc8f" ON "ade_user_groups" ("user_id");
CREATE UNIQUE INDEX "ade_user_groups_user_id_group_id_e7d1d406_uniq" ON "ade_user_groups" ("user_id", "group_id");
CREATE INDEX "ade_user_user_permissions_permission_id_2f4e384b" ON "ade_user_user_permissions" ("permission_id");
CREATE INDEX "ade_user_user_permissions_user_id_e706c3bb" ON "ade_user_user_permissions" ("user_id");
CREATE UNIQUE INDEX "ade_user_user_permissions_user_id_permission_id_7431bfe8_uniq" ON "ade_user_user_permissions" ("user_id", "permission_id");
CREATE INDEX "agent_by_embedding" ON "agents_agent" ("embedding") WHERE "embedding" IS NOT NULL;
CREATE INDEX "agent_by_model" ON "agents_agent" ("model", "seq");
CREATE INDEX "agent_by_name" ON "agents_agent" ("name", "seq");
CREATE INDEX "agent_by_origin" ON "agents_agentdetail" ("imported_from") WHERE "imported_from" IS NOT NULL;
CREATE INDEX "agent_by_updated" ON "agents_agent" ("updated_at", "seq");
CREATE INDEX "agent_two_users" ON "agents_agent" ("seq") WHERE "user_tag_count" > 1;
CREATE INDEX "agent_untagged" ON "agents_agent" ("seq") WHERE "tag_count" = 0;
CREATE INDEX "agent_userless" ON "agents_agent" ("seq") WHERE "user_tag_count" = 0;
CREATE INDEX "agents_agentblock_block_id_7321d9a5" ON "agents_agentblock" ("block_id");
CREATE INDEX "agents_changeset_created_at_1308c417" ON "agents_changeset" ("created_at");
CREATE INDEX "auth_group_permissions_group_id_b120cbf9" ON "auth_group_permissions" ("group_id");
CREATE UNIQUE INDEX "auth_group_permissions_group_id_permission_id_0cd325b0_uniq" ON "auth_group_permissions" ("group_id", "permission_id");
CREATE INDEX "auth_group_permissions_permission_id_84c5c92e" ON "auth_group_permissions" ("permission_id");
CREATE INDEX "auth_permission_content_type_id_2f476e4b" ON "auth_permission" ("content_type_id");
CREATE UNIQUE INDEX "auth_permission_content_type_id_codename_01ab375a_uniq" ON "auth_permission" ("content_type_id", "codename");
CREATE INDEX "block_by_label" ON "agents_block" ("label", "id");
CREATE INDEX "block_with_extra" ON "agents_block" ("id") WHERE NOT ("extra" = '{}');
CREATE INDEX "bulk_plan_by_change_set" ON "agents_bulkplan" ("change_set_id") WHERE "change_set_id" IS NOT NULL;
CREATE INDEX "bulk_plan_by_time" ON "agents_bulkplan" ("created_at" DESC);
CREATE INDEX "bulk_plan_undoes" ON "agents_bulkplan" ("undoes") WHERE "undoes" IS NOT NULL;
CREATE INDEX "change_by_agent" ON "agents_change" ("agent_id", "id" DESC);
CREATE INDEX "change_by_set" ON "agents_change" ("change_set_id", "id");
CREATE INDEX "change_by_tag" ON "agents_change" ("tag", "change_set_id" DESC) WHERE "tag" IS NOT NULL;
CREATE INDEX "change_set_by_actor" ON "agents_changeset" ("actor_id", "id" DESC);
CREATE INDEX "change_set_by_name" ON "agents_changeset" ("actor_name", "id" DESC);
CREATE INDEX "change_set_by_source" ON "agents_changeset" ("source", "id" DESC);
CREATE INDEX "change_set_undoes" ON "agents_changeset" ("undoes") WHERE "undoes" IS NOT NULL;
CREATE UNIQUE INDEX "django_content_type_app_label_model_76bd3d3b_uniq" ON "django_content_type" ("app_label", "model");
CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date");
CREATE INDEX "django_task_backend_071754_idx" ON "django_tasks_database_dbtaskresult" ("backend_name");
CREATE INDEX "django_task_queue_n_99c321_idx" ON "django_tasks_database_dbtaskresult" ("queue_name");
CREATE INDEX "identity_by_name" ON "agents_identity" ("name", "id");
CREATE INDEX "key_by_limit" ON "agents_apikey" ("limit_tag") WHERE "limit_tag" IS NOT NULL;
CREATE INDEX "member_event_by_member" ON "ade_memberevent" ("member_id", "id" DESC);
CREATE INDEX "mfa_authenticator_user_id_0c3a50c0" ON "mfa_authenticator" ("user_id");
CREATE INDEX "rename_from" ON "agents_change" ("tag") WHERE "op" = 'rename';
CREATE INDEX "rename_to" ON "agents_change" ("new") WHERE "op" = 'rename';
CREATE INDEX "saved_view_by_owner" ON "agents_savedview" ("owner_id", "name");
CREATE UNIQUE INDEX "socialaccount_socialaccount_provider_uid_fc810c6e_uniq" ON "socialaccount_socialaccount" ("provider", "uid");
CREATE INDEX "socialaccount_socialaccount_user_id_8146e70c" ON "socialaccount_socialaccount" ("user_id");
CREATE INDEX "socialaccount_socialtoken_account_id_951f210e" ON "socialaccount_socialtoken" ("account_id");
CREATE INDEX "socialaccount_socialtoken_app_id_636a42d7" ON "socialaccount_socialtoken" ("app_id");
CREATE UNIQUE INDEX "socialaccount_socialtoken_app_id_account_id_fca4e0ac_uniq" ON "socialaccount_socialtoken" ("app_id", "account_id");
CREATE INDEX "tag_alike" ON "agents_tag" ("names_user", "lookalike") WHERE "n" > 0;
CREATE INDEX "tag_by_lookalike" ON "agents_tag" ("lookalike");
CREATE INDEX "tag_by_name" ON "agents_tag" ("names_user", "name");
CREATE INDEX "tag_by_use" ON "agents_tag" ("names_user", "n" DESC, "name");
CREATE INDEX "tag_by_use_all" ON "agents_tag" ("n" DESC, "name");
CREATE INDEX "tag_guarded" ON "agents_tag" ("names_user", "n" DESC, "name") WHERE "protected";
CREATE INDEX "tag_in_use" ON "agents_tag" ("name") WHERE "n" > 0;
CREATE INDEX "tasks_db_new_ordering_idx" ON "django_tasks_database_dbtaskresult" ("status", "priority" DESC, "run_after" ASC, "enqueued_at" ASC) WHERE "status" = 'READY';
CREATE UNIQUE INDEX "unique_authenticator_type" ON "mfa_authenticator" ("user_id", "type") WHERE "type" IN ('totp', 'recovery_codes');
CREATE UNIQUE INDEX "unique_primary_email" ON "account_emailaddress" ("user_id", "primary") WHERE "primary";
CREATE UNIQUE INDEX "unique_verified_email" ON "account_emailaddress" ("email") WHERE "verified";
CREATE UNIQUE INDEX "username_is_unique_in_any_case" ON "ade_user" ((LOWER("username")));
COMMIT;
