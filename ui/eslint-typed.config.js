import vue from 'eslint-plugin-vue';
import tseslint from 'typescript-eslint';

/**
 * What `.oxlintrc.json` asks of promises in modules, of the scripts in components: only this linter reads those with their types. It takes minutes,
 * and therefore is a command of its own (`npm run lint:vue`).
 */
export default tseslint.config(
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  ...vue.configs['flat/base'],
  {
    files: ['**/*.vue'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
);
