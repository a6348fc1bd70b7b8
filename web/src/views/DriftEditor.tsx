import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import { Confirm } from '../parts/Dialog';
import { dropDeclaration, keepDeclaration, wrongOf } from '../state/drift';

/** A declaration being written; `line` is where to look first, 0 for the top. */
export interface Draft {
  name: string;
  folder?: string;
  text: string;
  base: number;
  line: number;
}

/** The height of a line, px: as in drift.css. */
const LINE = 20;

/** The most that a server keeps, bytes. */
const MOST = 1 << 20;

/** The text of a declaration, with what is wrong beside its line. */
export function DeclarationEditor({ draft, onClose, onKept }: { draft: Draft; onClose: () => void; onKept: () => void }) {
  const { client } = useApp();
  const [name, setName] = useState(draft.name);
  const [text, setText] = useState(draft.text);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<{ line: number; text: string } | null>(null);
  const [dropping, setDropping] = useState(false);
  const [scrolled, setScrolled] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const look = (line: number): void => {
    const area = field.current;
    if (!area) return;
    const lines = area.value.split('\n');
    const start = lines.slice(0, Math.max(0, line - 1)).join('\n').length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start);
    area.scrollTop = Math.max(0, (line - 5) * LINE);
    setScrolled(area.scrollTop);
  };
  useLayoutEffect(() => look(draft.line), [draft]);
  const keep = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      await keepDeclaration(client, { name: name.trim() || 'site.yaml', text, base: draft.base, ...(draft.folder ? { folder: draft.folder } : {}) });
      onKept();
    } catch (error) {
      const found = wrongOf(problemOf(error));
      setWrong(found);
      if (found.line > 0) look(found.line);
      setBusy(false);
    }
  };
  const put = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > MOST) {
      setWrong({ line: 0, text: `${file.name} has ${file.size} bytes; at most ${MOST} are kept` });
      return;
    }
    setWrong(null);
    setName(file.name);
    setText(await file.text());
  };
  const lines = text.split('\n').length;
  return (
    <form
      class="declaration"
      aria-label="The declaration"
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <div class="declaration-head">
        <label>
          File <input class="find" type="text" spellcheck={false} value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label class="button">
          Take a file
          <input class="hidden" type="file" accept=".yaml,.yml,text/yaml,text/plain" onChange={(event) => void put(event.currentTarget.files?.[0])} />
        </label>
        <span class="gap" />
        {draft.base > 0 && (
          <button type="button" class="plain" onClick={() => setDropping(true)}>
            Forget it
          </button>
        )}
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="strong" disabled={busy}>
          Keep it
        </button>
      </div>
      <div role="alert">{wrong && <p class="error">{wrong.line > 0 ? `Line ${wrong.line}: ${wrong.text}` : wrong.text}</p>}</div>
      <div class="declaration-text">
        <pre class="numbers" aria-hidden="true" style={{ transform: `translateY(${-scrolled}px)` }}>
          {Array.from({ length: lines }, (_, i) => i + 1).join('\n')}
        </pre>
        {wrong && wrong.line > 0 && (
          <p class="wrong-line" aria-hidden="true" style={{ top: `${8 + (wrong.line - 1) * LINE - scrolled}px` }}>
            <span>{wrong.text}</span>
          </p>
        )}
        <textarea
          ref={field}
          aria-label="Rules, a Compose file or a Backstage catalog"
          aria-invalid={wrong !== null && wrong.line > 0}
          spellcheck={false}
          wrap="off"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setWrong(null);
          }}
          onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
        />
      </div>
      {dropping && (
        <Confirm
          title="Forget the declaration?"
          action="Forget it"
          run={async () => {
            await dropDeclaration(client);
            onKept();
          }}
          onClose={() => setDropping(false)}
        >
          All its versions are removed from the server. A file in a repository stays.
        </Confirm>
      )}
    </form>
  );
}
