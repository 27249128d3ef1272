import { relative } from 'node:path';
import js from '@eslint/js';
import security from 'eslint-plugin-security';
import vue from 'eslint-plugin-vue';
import { tsImport } from 'tsx/esm/api';
import tseslint from 'typescript-eslint';

const { forbiddenEdge } = await tsImport('./test/dependency-table.ts', import.meta.url);

/** The table of test/dependency-table.ts, told where the import stands. */
const dependencies = {
  create(context) {
    const file = relative(import.meta.dirname, context.filename).replaceAll('\\', '/');
    const check = (node) => {
      const specifier = node.source?.value;
      const edge = typeof specifier === 'string' && forbiddenEdge(file, specifier);
      if (edge) context.report({ node, message: edge });
    };
    return { ImportDeclaration: check, ImportExpression: check, ExportAllDeclaration: check, ExportNamedDeclaration: check };
  },
};

const never = (selector, message) => ({ selector, message });

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/',
      '**/dist/',
      'data/',
      'coverage/',
      'test/histories/',
      'ui/auto-imports.d.ts',
      'ui/components.d.ts',
    ],
  },
  // No comment in the code makes an exception: those there are stand in this file, each with its reason (test/docs/lint.unit.test.ts).
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    plugins: { trubka: { rules: { dependencies } } },
    rules: {
      'trubka/dependencies': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      // Control characters are what the checks of names and texts look for.
      'no-control-regex': 'off',
    },
  },
  {
    files: ['**/*.ts', '**/*.vue'],
    extends: [tseslint.configs.recommended],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    // Replayed from history, perhaps days later: nothing in here may depend on the moment or the machine it runs on.
    files: ['workflows/**/*.ts', 'domain/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'process',
        'fetch',
        'crypto',
        'performance',
      ],
      'no-restricted-syntax': [
        'error',
        never('MemberExpression[object.name="Math"][property.name="random"]', 'Chance is an argument'),
        never('Property[key.name="validator"] > ArrowFunctionExpression[async=true]', 'A validator that waits never rejects'),
      ],
    },
  },
  {
    // A workflow's clock is its history's, by Temporal's sandbox; a rule has none at all.
    files: ['domain/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        never(
          'MemberExpression[object.name="Date"][property.name="now"]',
          'The clock is an argument: use the `now` that is given',
        ),
        never('NewExpression[callee.name="Date"][arguments.length=0]', 'The clock is an argument: use the `now` that is given'),
        never('MemberExpression[object.name="Math"][property.name="random"]', 'Chance is an argument'),
      ],
    },
  },
  {
    files: ['api/**/*.ts', 'db/**/*.ts', 'activities/**/*.ts', 'workflows/**/*.ts', 'domain/**/*.ts', 'run/**/*.{ts,mjs}'],
    plugins: { security },
    rules: {
      'security/detect-eval-with-expression': 'error',
      'security/detect-child-process': 'error',
      'security/detect-pseudoRandomBytes': 'error',
      'security/detect-bidi-characters': 'error',
    },
  },
  ...vue.configs['flat/recommended'].map((config) => ({ ...config, files: ['ui/**/*.vue', 'test/ui/**/*.vue'] })),
  {
    files: ['ui/**/*.vue', 'test/ui/**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      // Typed text and names come from outside: they are shown as text, always.
      'vue/no-v-html': 'error',
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      // Prettier lays out.
      'vue/max-attributes-per-line': 'off',
      // Prettier lays out.
      'vue/singleline-html-element-content-newline': 'off',
      // Prettier lays out.
      'vue/multiline-html-element-content-newline': 'off',
      // Prettier lays out.
      'vue/html-self-closing': 'off',
      // Prettier lays out.
      'vue/html-indent': 'off',
      // Prettier lays out.
      'vue/html-closing-bracket-newline': 'off',
      // App.vue is the only one of a single word, and no element of HTML has its name.
      'vue/multi-word-component-names': 'off',
      // The compiler knows what is defined, with types; this rule knows neither types nor what Vite brings.
      'no-undef': 'off',
    },
  },
  {
    files: ['**/*.ts', 'ui/**/*.ts'],
    rules: {
      // The compiler knows what is defined, with types.
      'no-undef': 'off',
    },
  },
  {
    files: ['**/*.mjs', '*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: {
      // Programs that somebody runs in a terminal.
      'no-console': 'off',
    },
  },
  {
    files: ['ui/public/**/*.js'],
    languageOptions: { globals: { localStorage: 'readonly', matchMedia: 'readonly', document: 'readonly', window: 'readonly' } },
  },
  {
    files: ['run/**', 'bench/**', 'test/**'],
    rules: {
      // Programs that somebody runs in a terminal; the service itself has a log.
      'no-console': 'off',
    },
  },
);
