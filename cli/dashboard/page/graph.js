// The services of a project as a graph: each below the services it depends on.
import {svg} from './api.js';

const kWidth = 150, kHeight = 48, kGapX = 24, kGapY = 46;

// The number of dependencies on the longest way down; services in a cycle (which the loader rejects) get 0.
export function levels(services) {
  const level = new Map();
  const visit = (name, path) => {
    if (level.has(name)) return level.get(name);
    if (path.has(name)) return 0;
    path.add(name);
    let deepest = 0;
    for (const other of services.get(name).dependsOn.keys())
      if (services.has(other)) deepest = Math.max(deepest, visit(other, path) + 1);
    path.delete(name);
    level.set(name, deepest);
    return deepest;
  };
  for (const name of services.keys()) visit(name, new Set());
  return level;
}

function places(services, columns) {
  const rows = [];
  for (const [name, level] of levels(services)) (rows[level] ||= []).push(name);
  const place = new Map();
  let y = 0;
  for (const row of rows) {
    row.sort();
    for (let begin = 0; begin < row.length; begin += columns) {
      row.slice(begin, begin + columns).forEach((name, i) => place.set(name, {x: i * (kWidth + kGapX), y}));
      y += kHeight + kGapY;
    }
  }
  return {place, height: Math.max(0, y - kGapY)};
}

function shortened(text, length) {
  return text.length > length ? text.slice(0, length - 1) + '…' : text;
}

function node(service, {x, y}, isSelected, select) {
  const group = svg('g', {class: `node ${service.look}${isSelected ? ' selected' : ''}`, tabindex: 0,
                          transform: `translate(${x + 3} ${y + 3})`, 'data-service': service.name});
  const title = svg('title');
  title.textContent = `${service.name}: ${service.state}`;
  const name = svg('text', {x: 10, y: 20});
  name.textContent = shortened(service.name, 18);
  const state = svg('text', {x: 10, y: 38, class: 'state'});
  state.textContent = shortened(service.state, 22);
  group.append(title, svg('rect', {width: kWidth, height: kHeight}), name, state);
  group.addEventListener('click', () => select(service.name));
  group.addEventListener('keydown', event => { if (event.key === 'Enter') select(service.name); });
  return group;
}

// From the dependent service up to its dependency.
function edge(from, to, condition) {
  const x1 = from.x + kWidth / 2 + 3, y1 = from.y + 3, x2 = to.x + kWidth / 2 + 3, y2 = to.y + kHeight + 9;
  const middle = (y1 + y2) / 2;
  const title = svg('title');
  title.textContent = condition.replace('service_', '').replaceAll('_', ' ');
  return svg('path', {class: 'edge', 'marker-end': 'url(#arrow)',
                      d: `M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`}, title);
}

export function drawGraph(target, services, selected, select) {
  // A redraw under the pointer would lose clicks.
  const picture = JSON.stringify([[...services.values()].map(one => [one.name, one.look, one.state, [...one.dependsOn]]), selected,
                                  target.parentElement.clientWidth]);
  if (picture === target.drawn) return;
  target.drawn = picture;
  const columns = Math.max(1, Math.floor((target.parentElement.clientWidth - 32 + kGapX) / (kWidth + kGapX)));
  const {place, height} = places(services, columns);
  const width = Math.min(columns, Math.max(1, services.size)) * (kWidth + kGapX) - kGapX + 6;
  const focused = document.activeElement?.dataset?.service;
  target.setAttribute('width', width);
  target.setAttribute('height', height + 6);
  const arrow = svg('marker', {id: 'arrow', viewBox: '0 0 8 8', refX: 6, refY: 4, markerWidth: 7, markerHeight: 7,
                               orient: 'auto-start-reverse'}, svg('path', {class: 'arrow', d: 'M0 0L8 4L0 8z'}));
  target.replaceChildren(svg('defs', {}, arrow));
  for (const service of services.values())
    for (const [other, condition] of service.dependsOn)
      if (place.has(other)) target.append(edge(place.get(service.name), place.get(other), condition));
  for (const service of services.values())
    target.append(node(service, place.get(service.name), service.name === selected, select));
  if (focused) [...target.querySelectorAll('.node')].find(one => one.dataset.service === focused)?.focus();
}
