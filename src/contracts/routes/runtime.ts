import { z } from 'zod';
import type { Route } from '../route.ts';
import { SkillView } from '../skill.ts';
import { WebhookSecret } from '../webhook-secret.ts';

export const SkillList = z.object({ count: z.int(), skills: z.array(SkillView) });

export const RUNTIME_ROUTES = {
  listSkills: {
    method: 'GET',
    path: '/api/v1/runtime/skills',
    aliases: ['/skills'],
    role: 'viewer',
    tag: 'runtime',
    summary: 'The skills of this installation, with their contracts',
    answers: { 200: { description: 'Every skill.', schema: SkillList } },
  },
  getSkill: {
    method: 'GET',
    path: '/api/v1/runtime/skills/:skill_id',
    role: 'viewer',
    tag: 'runtime',
    summary: "A skill's contract",
    answers: { 200: { description: 'The contract.', schema: SkillView } },
    errors: ['SKILL_NOT_FOUND'],
  },
  getWebhookSecret: {
    method: 'GET',
    path: '/api/v1/runtime/webhook-secret',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'runtime',
    summary: 'What receivers of webhook_send verify its signatures with',
    answers: { 200: { description: 'The secret.', schema: WebhookSecret } },
  },
} as const satisfies Record<string, Route>;
