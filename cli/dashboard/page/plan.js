// What `stack up` would do now, and why.
import {element, post, projectPath} from './api.js';

const textOf = value => typeof value === 'string' ? value : value === undefined || value === null ? 'none' : JSON.stringify(value);

function changeRow(change) {
  return element('div', {class: 'change'}, `${change.field}: `, element('del', {textContent: textOf(change.before)}), ' → ',
                 element('ins', {textContent: textOf(change.after)}));
}

function actionRow(action) {
  const cause = element('td', {textContent: action.cause || ''});
  cause.append(...(action.changes || []).map(changeRow));
  return element('tr', {}, element('td', {textContent: action.text || `${action.kind} ${action.object}`}), cause);
}

function planTable(plan) {
  const head = element('tr', {}, element('th', {textContent: 'Action'}), element('th', {textContent: 'Cause'}));
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...plan.actions.map(actionRow)));
}

export class PlanView {
  constructor() {
    this.view = document.getElementById('plan');
  }

  async show(project) {
    const again = element('button', {type: 'button', textContent: 'Plan again', onclick: () => this.show(project)});
    const intro = element('form', {}, again, element('span', {textContent: 'Changes that `stack up` would make with the Compose files as they are now'}));
    this.view.replaceChildren(intro, element('p', {textContent: 'Planning …'}));
    let result;
    try {
      const plan = await (await post(projectPath(project, '/plan'))).json();
      const warnings = (plan.warnings || []).map(text => element('p', {textContent: 'Warning: ' + text}));
      result = [...warnings, plan.actions.length ? planTable(plan) : element('p', {textContent: 'No changes.'})];
    } catch (error) {
      result = [element('pre', {textContent: error.message})];
    }
    this.view.replaceChildren(intro, ...result);
  }
}
