import { fireEvent, screen } from '@testing-library/vue';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import RecordingLine from '../../ui/src/components/tickets/RecordingLine.vue';
import CallBlock from '../../ui/src/components/tickets/CallBlock.vue';
import { conversation, show, ticket } from './stage.ts';

const ready = { id: 'r1', state: 'ready', reason: null, url: '/api/recordings/r1', durationSeconds: 222 } as const;
const missing = (reason: string) => ({ ...ready, state: 'unavailable', reason, url: null });

beforeEach(() => {
  vi.spyOn(HTMLMediaElement.prototype, 'play').mockImplementation(function (this: HTMLMediaElement) {
    this.dispatchEvent(new Event('playing'));
    return Promise.resolve();
  });
});
afterEach(() => vi.restoreAllMocks());

describe('the player', () => {
  test('plays, seeks, changes speed and offers the file, each by name', async () => {
    const { container } = show(RecordingLine, { recording: ready, callId: 'x' });
    const audio = container.querySelector('audio')!;
    expect(audio.getAttribute('preload')).toBe('none');
    await fireEvent.click(screen.getByRole('button', { name: 'Слушать' }));
    await screen.findByRole('button', { name: 'Пауза' });

    const slider = screen.getByRole('slider', { name: 'Место в записи' });
    expect(slider.getAttribute('aria-valuetext')).toBe('0:00 из 3:42');
    await fireEvent.update(slider, '61');
    expect(audio.currentTime).toBe(61);
    expect(slider.getAttribute('aria-valuetext')).toBe('1:01 из 3:42');

    await fireEvent.click(screen.getByRole('button', { name: 'Скорость 1×, изменить' }));
    expect(audio.playbackRate).toBe(1.25);
    expect(screen.getByRole('link', { name: 'Скачать запись' }).getAttribute('href')).toBe('/api/recordings/r1');
  });

  test('a file that cannot be loaded is said', async () => {
    const { container } = show(RecordingLine, { recording: ready, callId: 'x' });
    await fireEvent(container.querySelector('audio')!, new Event('error'));
    expect(screen.getByRole('alert').textContent).toContain('Не удалось загрузить запись');
  });

  test('what could not be loaded is loaded again by the next press, and goes on where it stopped', async () => {
    const { container } = show(RecordingLine, { recording: ready, callId: 'x' });
    const audio = container.querySelector('audio')!;
    const load = vi.spyOn(audio, 'load').mockImplementation(() => undefined);
    await fireEvent.update(screen.getByRole('slider', { name: 'Место в записи' }), '61');
    Object.defineProperty(audio, 'error', { value: { code: 2 } });
    await fireEvent(audio, new Event('error'));
    audio.currentTime = 0;
    await fireEvent.click(screen.getByRole('button', { name: 'Слушать' }));
    expect(load).toHaveBeenCalledOnce();
    expect(audio.currentTime).toBe(61);
    await screen.findByRole('button', { name: 'Пауза' });
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('whoever leaves while it plays hears and breaks nothing more', async () => {
    const { container, unmount } = show(RecordingLine, { recording: ready, callId: 'x' });
    const audio = container.querySelector('audio')!;
    const pause = vi.spyOn(audio, 'pause').mockImplementation(() => undefined);
    await fireEvent.click(screen.getByRole('button', { name: 'Слушать' }));
    unmount();
    expect(pause).toHaveBeenCalledOnce();
    const broken = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(() => audio.dispatchEvent(new Event('timeupdate'))).not.toThrow();
    expect(broken).not.toHaveBeenCalled();
  });
});

describe('where there is nothing to hear, the message says why', () => {
  test.each([
    ['too_short', 'Записи нет: разговор слишком короткий'],
    ['not_recorded', 'Разговор не записывался'],
    ['mail_only', 'АТС отправила запись только на почту'],
    ['pbx_unreachable', 'Запись не получена: АТС не отвечает'],
    ['removed', 'Запись удалена по сроку хранения'],
    ['something_new', 'Записи нет'],
  ])('%s: %s', (reason, text) => {
    show(RecordingLine, { recording: missing(reason), callId: 'x' });
    screen.getByText(text);
  });

  test('a recording that is on its way', () => {
    show(RecordingLine, { recording: { ...ready, state: 'pending', url: null }, callId: 'x' });
    screen.getByText('Запись готовится');
  });
});

describe('a call inside a message', () => {
  test('while people talk it says so, with a running time', () => {
    show(CallBlock, {
      conversation: { ...conversation, outcome: 'in_progress' },
      ticket: { ...ticket, messages: [] },
      authorId: null,
    });
    screen.getByText('Звонок в процессе');
    screen.getByRole('timer');
  });

  test('afterwards: direction and length, and the agent only if somebody else wrote', () => {
    show(CallBlock, { conversation, ticket: { ...ticket, messages: [] }, authorId: conversation.agent!.id });
    screen.getByText('Входящий звонок');
    screen.getByText('3:42');
    expect(screen.queryByText('Ольга Смирнова')).toBeNull();
  });
});
