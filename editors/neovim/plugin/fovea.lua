-- Works without a call of setup(): a plugin manager that only puts the folder into 'runtimepath' is enough. `vim.g.fovea = { … }` are
-- the options then, and `vim.g.fovea = false` starts nothing.
if vim.g.loaded_fovea then
  return
end
vim.g.loaded_fovea = true
if vim.fn.has('nvim-0.10.4') == 0 then
  vim.notify('Fovea needs Neovim 0.10.4 or later; update Neovim, or remove the plugin')
  return
end

-- A manager calls setup(), if at all, right after it has loaded this file.
vim.schedule(function()
  require('fovea').start()
end)
