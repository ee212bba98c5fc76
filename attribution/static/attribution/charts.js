// The dashboard's charts, drawn by the Chart.js that unfold ships; drawn again when the theme changes.
"use strict";

(() => {
  const COLOURS = {
    attributed_activations: "#a855f7",
    organic_activations: "#94a3b8",
    registrations: "#0ea5e9",
    paying_users: "#f59e0b",
    clicks: "#0ea5e9",
    amount: "#10b981",
  };
  const CHARTS = {
    users: [
      { name: "attributed_activations", type: "bar", stack: "activations" },
      { name: "organic_activations", type: "bar", stack: "activations" },
      { name: "registrations", type: "line" },
      { name: "paying_users", type: "line" },
    ],
    money: [
      { name: "clicks", type: "line" },
      { name: "amount", type: "bar", yAxisID: "right" },
    ],
  };

  const element = document.getElementById("trend");
  if (!element) return;
  const trend = JSON.parse(element.textContent);
  const drawn = [];

  const dataset = ({ name, type, ...rest }) => ({
    ...rest,
    type,
    label: trend.labels[name],
    data: trend.series[name],
    backgroundColor: type === "bar" ? `${COLOURS[name]}b3` : COLOURS[name],
    borderColor: COLOURS[name],
    borderWidth: type === "bar" ? 0 : 2,
    borderRadius: 2,
    maxBarThickness: 36,
    order: type === "bar" ? 1 : 0,
    pointRadius: trend.days.length > 1 ? 1.5 : 4,
    tension: 0.25,
  });

  const options = (series) => {
    const isDark = document.documentElement.classList.contains("dark");
    const text = isDark ? "#cbd5e1" : "#475569";
    const grid = isDark ? "rgba(148, 163, 184, 0.18)" : "rgba(148, 163, 184, 0.3)";
    const axis = (position, isShown) => ({
      display: isShown,
      position,
      beginAtZero: true,
      grid: { color: grid, drawOnChartArea: position === "left" },
      ticks: { color: text, maxTicksLimit: 6, callback: (value) => compact.format(value) },
    });
    return {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { position: "bottom", labels: { color: text, boxWidth: 10, boxHeight: 10 } },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${exact.format(item.parsed.y)}` } },
      },
      scales: {
        x: {
          grid: { display: false },
          ticks: { color: text, maxRotation: 0, autoSkipPadding: 12, callback: (index) => trend.days[index].slice(5) },
        },
        y: axis("left", true),
        right: axis("right", series.some(({ yAxisID }) => yAxisID === "right")),
      },
    };
  };
  const language = document.documentElement.lang || "en";
  const compact = new Intl.NumberFormat(language, { notation: "compact" });
  const exact = new Intl.NumberFormat(language);

  const draw = () => {
    drawn.splice(0).forEach((chart) => chart.destroy());
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
      const series = CHARTS[canvas.dataset.chart];
      drawn.push(new Chart(canvas, { data: { labels: trend.days, datasets: series.map(dataset) }, options: options(series) }));
    }
  };
  draw();

  let wasDark = document.documentElement.classList.contains("dark");
  new MutationObserver(() => {
    const isDark = document.documentElement.classList.contains("dark");
    if (isDark === wasDark) return;
    wasDark = isDark;
    draw();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
})();
