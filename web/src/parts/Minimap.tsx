import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { drawMinimap, isNeeded, minimapOf, pointOf, windowOn } from '../chart/minimap';
import { readPalette } from '../chart/palette';
import type { Scene } from '../chart/scene';

/**
 * The whole of a large chart, small, in a corner: a press or drag on it looks there. For
 * pointers only: keys have Shift and arrows to move the chart, and 0 to see all of it.
 */
export function Minimap({ scene }: { scene: Scene }) {
  const { chart, theme } = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [needed, setNeeded] = useState(false);
  const held = useRef<ReturnType<typeof minimapOf> | null>(null);
  const map = useMemo(() => (held.current = (scene.news?.boxes === false && held.current) || minimapOf(scene)), [scene]);
  const palette = useMemo(() => readPalette(document.documentElement, theme.value, matchMedia('(forced-colors: active)').matches), [theme.value]);

  useEffect(() => {
    const draw = (): void => {
      const { camera, size } = chart;
      if (!camera || size.w === 0) return;
      setNeeded(isNeeded(scene, camera, size));
      const ctx = canvas.current?.getContext('2d');
      if (ctx) drawMinimap(ctx, map, windowOn(map, camera, size), palette, devicePixelRatio);
    };
    draw();
    return chart.watch(draw);
  }, [map, palette, needed]);

  const look = (event: PointerEvent): void => {
    const at = canvas.current?.getBoundingClientRect();
    if (at) chart.lookAt(pointOf(map, { x: event.clientX - at.left, y: event.clientY - at.top }));
  };
  if (!needed) return null;
  const { w, h } = map.size;
  return (
    <div
      class="minimap"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        look(event);
      }}
      onPointerMove={(event) => event.buttons > 0 && look(event)}
    >
      <canvas ref={canvas} width={Math.round(w * devicePixelRatio)} height={Math.round(h * devicePixelRatio)} style={{ width: `${w}px`, height: `${h}px` }} />
    </div>
  );
}
