import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Point } from "./chart.tsx";

const height = 240;
const dayS = 86_400;

/** The drawing of a chart; it follows the width of the page, and light and dark. */
export default function Plot({ points, unit }: { points: Point[]; unit: "hour" | "day" }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const data: uPlot.AlignedData = [
      points.map(({ start }) => Date.parse(start) / 1_000),
      points.map(({ value }) => value),
    ];
    let plot: uPlot | undefined;
    function draw(): void {
      if (!element) return;
      plot?.destroy();
      const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
      const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
      plot = new uPlot(
        {
          width: element.clientWidth,
          height,
          legend: { show: false },
          cursor: { y: false },
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
          // Bars stand around their moment, so the first and the last need room beside it.
          scales: {
            x: { range: (_, min, max) => (unit === "day" ? [min - dayS / 2, max + dayS / 2] : [min, max]) },
            y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
          },
          axes: [
            axis,
            { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6] },
          ],
          series: [
            {},
            {
              stroke: colour("--accent"),
              fill: colour("--accent-soft"),
              width: 2,
              points: { show: false },
              ...(unit === "day" && uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.7, 40] }) }),
            },
          ],
        },
        data,
        element,
      );
    }
    draw();
    const sizes = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributes: true });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      sizes.disconnect();
      themes.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [points, unit]);
  return <div ref={place} />;
}
