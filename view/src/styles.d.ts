// esbuild makes page.css of it.
declare module '*.css';
