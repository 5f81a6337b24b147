// CPU and memory of each service over the last five minutes.
import {element, get, svg} from './api.js';

const kSamples = 150;
const kColors = ['#4c8dff', '#e2853b', '#3fae78', '#c95fc0', '#c9a227', '#41b6c4', '#d9534f', '#8a7bd8'];

// As `docker stats`: of one CPU, so that two busy CPUs are 200.
function cpuPercent(before, now) {
  const used = now.cpu_stats.cpu_usage.total_usage - before.cpu_stats.cpu_usage.total_usage;
  const system = now.cpu_stats.system_cpu_usage - before.cpu_stats.system_cpu_usage;
  return used > 0 && system > 0 ? used / system * (now.cpu_stats.online_cpus || 1) * 100 : 0;
}

const memoryBytes = sample => (sample.memory_stats.usage || 0) - (sample.memory_stats.stats?.inactive_file || 0);

export function bytesText(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; ++unit; }
  return bytes.toFixed(unit ? 1 : 0) + ' ' + units[unit];
}

export class Charts {
  constructor() {
    this.view = document.getElementById('charts');
    this.clear();
  }

  clear() {
    this.before = new Map();   // last sample by container
    this.history = new Map();  // by service: [{cpu, memory}]
    this.view.replaceChildren();
  }

  // Takes one sample of each running container.
  async sample(services) {
    const totals = new Map();
    const before = this.before;
    await Promise.all([...services.values()].flatMap(service => service.containers.filter(one => one.State === 'running')
      .map(async one => {
        const now = await get(`/containers/${one.Id}/stats?stream=0&one-shot=1`).catch(() => null);
        if (!now?.cpu_stats) return;
        const total = totals.get(service.name) || {cpu: 0, memory: 0};
        if (before.has(one.Id)) total.cpu += cpuPercent(before.get(one.Id), now);
        total.memory += memoryBytes(now);
        before.set(one.Id, now);
        totals.set(service.name, total);
      })));
    if (before !== this.before) return;  // another project was chosen meanwhile
    for (const name of services.keys()) {
      const values = this.history.get(name) || [];
      values.push(totals.get(name) || {cpu: 0, memory: 0});
      this.history.set(name, values.slice(-kSamples));
    }
  }

  draw() {
    this.view.replaceChildren(
      this.chart('CPU', one => one.cpu, value => value.toFixed(1) + ' %', 1),
      this.chart('Memory', one => one.memory, bytesText, 1 << 20));
  }

  chart(title, valueOf, textOf, least) {
    const all = [...this.history].map(([name, values]) => ({name, values: values.map(valueOf)}));
    const top = Math.max(least, ...all.flatMap(one => one.values)) * 1.1;
    const picture = svg('svg', {viewBox: `0 0 ${kSamples} 100`, preserveAspectRatio: 'none'});
    const legend = element('div', {class: 'legend'});
    all.forEach((one, i) => {
      const color = kColors[i % kColors.length];
      const begin = kSamples - one.values.length;
      const points = one.values.map((value, at) => `${begin + at},${(100 - value / top * 100).toFixed(2)}`);
      picture.append(svg('polyline', {points: points.join(' '), stroke: color}));
      const sign = element('i');
      sign.style.background = color;
      legend.append(element('span', {}, sign, `${one.name} ${textOf(one.values.at(-1) || 0)}`));
    });
    return element('div', {class: 'chart'}, element('h2', {textContent: `${title} (up to ${textOf(top / 1.1)})`}),
                   picture, legend);
  }
}
