-- The plugin works without setup(): a plugin manager only needs to add the folder to 'runtimepath'. Then `vim.g.fovea = { … }` has the
-- options, and `vim.g.fovea = false` starts nothing.
if vim.g.loaded_fovea then
  return
end
vim.g.loaded_fovea = true
if vim.fn.has('nvim-0.10.4') == 0 then
  vim.notify('Fovea needs Neovim 0.10.4 or later; update Neovim, or remove the plugin')
  return
end

-- A manager may call setup() directly after it loads this file.
vim.schedule(function()
  require('fovea').start()
end)
