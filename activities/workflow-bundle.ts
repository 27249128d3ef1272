import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type BundleOptions } from '@temporalio/worker';

const WORKFLOWS = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
const WITHOUT_STACK_TRACES = fileURLToPath(new URL('../workflows/without-stack-traces.ts', import.meta.url));
const DOMAIN = fileURLToPath(new URL('../domain/', import.meta.url));

/** Whether workflows are bundled to tell where their errors and promises come from. */
const withStackTraces = (): boolean => process.env['WORKFLOW_STACK_TRACES'] === 'true';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

/**
 * The workflows as a worker loads them. The rules have no state of their own, so they are loaded once for all calls and not once per
 * call: that is most of what a call in flight would keep in memory.
 */
export async function bundleWorkflows(options: { readonly interceptors?: readonly string[] } = {}): Promise<string> {
  const rules = readdirSync(DOMAIN).filter((name) => name.endsWith('.ts') && name !== 'phone.ts');
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: new DefaultLogger('ERROR'),
    preloadModules: [...(withStackTraces() ? [] : [WITHOUT_STACK_TRACES]), ...rules.map((name) => DOMAIN + name)],
    workflowInterceptorModules: [...(options.interceptors ?? [])],
    webpackConfigHook: withNodesOwnSyntax,
  });
  return code;
}

/** Node knows spread and class fields itself: helpers in their place cost each task of each workflow. */
function withNodesOwnSyntax(config: WebpackConfig): WebpackConfig {
  for (const rule of config.module?.rules ?? []) {
    if (!rule || typeof rule !== 'object' || typeof rule.use !== 'object' || Array.isArray(rule.use)) continue;
    const { options } = rule.use as { options?: { jsc?: { target?: string } } };
    if (options?.jsc) options.jsc.target = 'es2022';
  }
  return config;
}
