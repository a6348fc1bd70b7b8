import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { drawSeen, drawWhole, isNeeded, minimapOf, pointOf, windowOn } from '../chart/minimap';
import type { Camera, Size } from '../chart/camera';
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
    let whole: HTMLCanvasElement | null = null;
    let drawn: { camera: Camera; size: Size } | null = null;
    const draw = (): void => {
      const { camera, size } = chart;
      if (!camera || size.w === 0) return;
      setNeeded(isNeeded(scene, camera, size));
      const ctx = canvas.current?.getContext('2d');
      if (!ctx || (camera === drawn?.camera && size === drawn.size)) return;
      drawn = { camera, size };
      // Thousands of boxes are drawn once, not in every frame.
      if (!whole) {
        whole = ctx.canvas.cloneNode() as HTMLCanvasElement;
        const once = whole.getContext('2d');
        if (once) drawWhole(once, map, palette, devicePixelRatio);
      }
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.drawImage(whole, 0, 0);
      drawSeen(ctx, windowOn(map, camera, size), palette, devicePixelRatio);
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
